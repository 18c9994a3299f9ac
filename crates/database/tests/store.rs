//! What every database of ours does, whatever is in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faasm_database::{Error, Fault, Schema, Store};
use redb::{
    ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

type Checked = Result<(), Box<dyn std::error::Error>>;

const NUMBERS: TableDefinition<u64, u64> = TableDefinition::new("numbers");

/// Numbers, of which those over 1,000 are to go when there is time.
#[derive(Default)]
struct Numbers(Arc<AtomicUsize>);

impl Schema for Numbers {
    type Tables<'txn> = Table<'txn, u64, u64>;
    const NAME: &'static str = "the numbers";
    const FILE_NAME: &'static str = "numbers.redb";
    const CACHE_BYTES: usize = 1 << 20;
    const SPARE_BYTES: u64 = 1 << 20;

    fn open(txn: &WriteTransaction) -> Result<Self::Tables<'_>, TableError> {
        txn.open_table(NUMBERS)
    }

    fn has_chores(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    fn chore(&self, numbers: &mut Self::Tables<'_>) -> Result<bool, StorageError> {
        self.0.fetch_sub(1, Ordering::SeqCst);
        let before = numbers.len()?;
        numbers.retain(|number, _| number <= 1_000)?;
        Ok(numbers.len()? < before)
    }
}

async fn insert(store: &Store<Numbers>, number: u64) -> Result<(), Error> {
    let insert = move |numbers: &mut Table<'_, u64, u64>| {
        if numbers.get(number)?.is_some() {
            return Err(Fault::Refused(Error::Storage("it is there".into())));
        }
        numbers.insert(number, number)?;
        Ok(())
    };
    store.write(8, insert).await
}

async fn count(store: &Store<Numbers>) -> Result<u64, Error> {
    let count = |txn: &redb::ReadTransaction| Ok(txn.open_table(NUMBERS)?.len()?);
    store.read(count).await
}

#[tokio::test]
async fn writes_share_commits_and_a_refused_one_harms_no_other() -> Checked {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), Numbers::default())?;
    insert(&store, 7).await?;
    let inserts = (0..100).map(|number| insert(&store, number));
    let inserted = futures::future::join_all(inserts).await;
    let refused = inserted.iter().filter(|inserted| inserted.is_err()).count();
    assert_eq!(refused, 1);
    assert_eq!(count(&store).await?, 100);
    assert!((2..50).contains(&store.commits()), "{}", store.commits());
    drop(store);
    let store = Store::open(dir.path(), Numbers::default())?;
    assert_eq!(count(&store).await?, 100);
    Ok(())
}

#[tokio::test]
async fn settled_waits_for_what_was_asked_for_before_and_commits_nothing() -> Checked {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), Numbers::default())?;
    store.settled().await?;
    assert_eq!(store.commits(), 0);
    let mut asked = Box::pin(insert(&store, 1));
    assert!(futures::poll!(&mut asked).is_pending());
    store.settled().await?;
    assert_eq!((store.commits(), count(&store).await?), (1, 1));
    asked.await?;
    Ok(())
}

#[tokio::test]
async fn chores_are_done_when_somebody_wakes_the_writer() -> Checked {
    let dir = tempfile::tempdir()?;
    let chores = Arc::new(AtomicUsize::new(0));
    let store = Store::open(dir.path(), Numbers(Arc::clone(&chores)))?;
    for number in [1, 2_000, 3_000] {
        insert(&store, number).await?;
    }
    let commits = store.commits();
    chores.store(3, Ordering::SeqCst);
    store.waker().wake();
    while count(&store).await? > 1 {}
    while chores.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    store.settled().await?;
    // Those that changed nothing were not committed.
    assert_eq!(store.commits(), commits + 1);
    let waker = store.waker();
    drop(store);
    waker.wake();
    Ok(())
}

#[tokio::test]
async fn a_closed_store_says_so_and_lets_go_of_the_file() -> Checked {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path(), Numbers::default())?;
    let second = Store::open(dir.path(), Numbers::default()).err();
    let path = dir.path().join("numbers.redb");
    assert_eq!(second, Some(Error::InUse(path)));
    let (inserted, ()) = futures::join!(insert(&store, 1), store.close());
    inserted?;
    assert_eq!(insert(&store, 2).await, Err(Error::Closed));
    assert_eq!(count(&store).await, Err(Error::Closed));
    assert_eq!(store.settled().await, Err(Error::Closed));
    let again = Store::open(dir.path(), Numbers::default())?;
    assert_eq!(count(&again).await?, 1);
    Ok(())
}
