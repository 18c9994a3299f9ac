//! Tokens in one database file of this machine.

use std::path::Path;

use faasm_database::{Schema, Store};
use futures::FutureExt;
use futures::future::BoxFuture;
use redb::{ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use crate::{Error, Result, TokenId, TokenRecord, TokenStore};

type Fault = faasm_database::Fault<Error>;

/// Records in JSON, by the token's id.
const TOKENS: TableDefinition<&str, &[u8]> = TableDefinition::new("tokens");

/// A [`TokenStore`] in the file `tokens.redb` of a directory.
pub struct EmbeddedTokens {
    store: Store<Records>,
}

struct Records;

impl Schema for Records {
    type Tables<'txn> = Table<'txn, &'static str, &'static [u8]>;

    const NAME: &'static str = "the tokens";
    const FILE_NAME: &'static str = "tokens.redb";
    const CACHE_BYTES: usize = 1 << 20;
    const SPARE_BYTES: u64 = 1 << 20;

    fn open(txn: &WriteTransaction) -> std::result::Result<Self::Tables<'_>, TableError> {
        txn.open_table(TOKENS)
    }
}

impl EmbeddedTokens {
    /// Opens the tokens in the directory `dir`; makes both where they do not exist.
    ///
    /// # Errors
    /// [`Error::InUse`] when something else has the file open; [`Error::NoSpace`];
    /// [`Error::Storage`].
    pub fn open(dir: &Path) -> Result<Self> {
        let store = Store::open(dir, Records)?;
        Ok(Self { store })
    }
}

impl TokenStore for EmbeddedTokens {
    fn add(&self, record: TokenRecord) -> BoxFuture<'_, Result<()>> {
        let id = record.id;
        let json = record.to_stored();
        let add = async move {
            let json = json?;
            if !self.store.has_room_for(json.len()) {
                return Err(Error::NoSpace);
            }
            let key = id.to_string();
            let insert =
                move |tokens: &mut Table<'_, &str, &[u8]>| -> std::result::Result<(), Fault> {
                    if tokens.get(key.as_str())?.is_some() {
                        return Err(Error::Exists(id).into());
                    }
                    tokens.insert(key.as_str(), json.as_slice())?;
                    Ok(())
                };
            self.store.write(0, insert).await
        };
        add.boxed()
    }

    fn remove(&self, id: TokenId) -> BoxFuture<'_, Result<bool>> {
        let key = id.to_string();
        self.store
            .write(0, move |tokens| {
                Ok::<_, Fault>(tokens.remove(key.as_str())?.is_some())
            })
            .boxed()
    }

    fn all(&self) -> BoxFuture<'_, Result<Vec<TokenRecord>>> {
        let all = self.store.read(|view| -> std::result::Result<_, Fault> {
            let mut all = Vec::new();
            let tokens = match view.open_table(TOKENS) {
                Ok(tokens) => tokens,
                // Nothing was ever written.
                Err(TableError::TableDoesNotExist(_)) => return Ok(all),
                Err(error) => return Err(error.into()),
            };
            for entry in tokens.iter()? {
                let (id, json) = entry?;
                all.extend(TokenRecord::from_stored(
                    id.value().as_bytes(),
                    json.value(),
                ));
            }
            Ok(all)
        });
        all.boxed()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        std::future::pending().boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close().boxed()
    }
}
