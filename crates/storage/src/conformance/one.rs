//! Checks with one server.

use std::sync::Arc;

use bytes::Bytes;
use faasm_model::{LimitOverrides, SharedPath};

use super::helpers::{Checked, Listener, Server, function};
use crate::{Changed, Error, Metadata, StorageOptions};

/// A function is what was put last, and gone when it was deleted.
pub async fn functions_are_stored_replaced_and_deleted(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    for code in ["one", "two", "one"] {
        server.put("u/f", code).await?;
        assert_eq!(server.code("u/f").await?.as_deref(), Some(code.as_bytes()));
    }
    server.put("u/g", "one").await?;
    let functions = server.storage.functions();
    assert!(functions.delete(&function("u/f")?).await?);
    assert!(!functions.delete(&function("u/f")?).await?);
    assert_eq!(server.code("u/f").await?, None);
    // The same code is another function's as well.
    assert_eq!(server.code("u/g").await?.as_deref(), Some(&b"one"[..]));
    Ok(())
}

/// Limits belong to the name.
pub async fn limits_survive_a_replacement(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    server.put("u/f", "one").await?;
    let limits = LimitOverrides {
        memory_bytes: Some(64 << 20),
        ..LimitOverrides::default()
    };
    let functions = server.storage.functions();
    let set = functions.set_limits(&function("u/f")?, limits).await?;
    assert_eq!(set.map(|record| record.limits), Some(limits));
    assert!(
        functions
            .set_limits(&function("u/g")?, limits)
            .await?
            .is_none()
    );
    server.put("u/f", "two").await?;
    let record = functions.get(&function("u/f")?).ok_or("it is gone")?;
    assert_eq!(record.limits, limits);
    Ok(())
}

/// A file has one path, its last.
pub async fn files_are_stored_read_renamed_and_deleted(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    let files = server.storage.files();
    let (from, to) = (SharedPath::new("a/b")?, SharedPath::new("c")?);
    server.put_file("a/b", "bytes").await?;
    server.put_file("empty", "").await?;
    assert_eq!(server.file("a/b").await?.as_deref(), Some(&b"bytes"[..]));
    assert_eq!(server.file("empty").await?.as_deref(), Some(&b""[..]));
    files.rename(&from, to.clone()).await?;
    assert_eq!(server.file("a/b").await?, None);
    assert_eq!(server.file("c").await?.as_deref(), Some(&b"bytes"[..]));
    let open = files.open(&to)?;
    assert!(files.delete(&to).await?);
    assert!(!files.delete(&to).await?);
    let mut bytes = [0; 5];
    assert_eq!(open.read_at(&mut bytes, 0)?, 5);
    assert_eq!(&bytes, b"bytes");
    let again = server.body("x").await?;
    let taken = files.put_new(SharedPath::new("empty")?, again).await;
    assert!(matches!(taken, Err(Error::Exists(_))), "{taken:?}");
    Ok(())
}

/// A directory is there when it was made or something is in it.
pub async fn directories_stay_until_they_are_removed(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    let files = server.storage.files();
    let path = SharedPath::new("d")?;
    files.create_directory(path.clone()).await?;
    server.put_file("d/x/1", "1").await?;
    server.put_file("d/2", "2").await?;
    let refused = files.remove_directory(&path).await;
    assert!(matches!(refused, Err(Error::NotEmpty(_))), "{refused:?}");
    assert_eq!(files.delete_tree(&SharedPath::new("d/x")?).await?, 1);
    assert_eq!(files.metadata(Some(&SharedPath::new("d/x")?)), None);
    assert_eq!(files.metadata(Some(&path)), Some(Metadata::Directory));
    assert_eq!(files.delete_tree(&path).await?, 1);
    assert_eq!(files.metadata(Some(&path)), None);
    assert_eq!(files.usage().files, 0);
    Ok(())
}

/// Nothing is lost, and it is the same storage.
pub async fn everything_is_there_after_a_restart(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    let id = server.storage.id().to_owned();
    assert_eq!(id.len(), 32);
    server.put("u/f", "code").await?;
    let source = server.body("print()").await?;
    server
        .storage
        .python()
        .put(function("u/p")?, source, None)
        .await?;
    server.put_file("a/b", "bytes").await?;
    let directory = SharedPath::new("d")?;
    server
        .storage
        .files()
        .create_directory(directory.clone())
        .await?;
    let server = server.restart().await?;
    assert_eq!(server.storage.id(), id);
    assert_eq!(server.code("u/f").await?.as_deref(), Some(&b"code"[..]));
    assert!(server.storage.python().get(&function("u/p")?).is_some());
    assert_eq!(server.file("a/b").await?.as_deref(), Some(&b"bytes"[..]));
    let found = server.storage.files().metadata(Some(&directory));
    assert_eq!(found, Some(Metadata::Directory));
    Ok(())
}

/// What is sent in parts is put together again.
pub async fn large_content_comes_back_whole(options: StorageOptions) -> Checked {
    let large = StorageOptions {
        cache_bytes: 1 << 20,
        ..options
    };
    let server = Server::open(&large).await?;
    let bytes: Vec<u8> = (0..20_000_003_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    server.put_file("large", Bytes::from(bytes.clone())).await?;
    assert!(server.file("large").await? == Some(bytes.clone()));
    server.put("u/large", Bytes::from(bytes.clone())).await?;
    assert!(server.code("u/large").await?.as_deref() == Some(&bytes[..]));
    Ok(())
}

/// Nobody sees a mixture.
pub async fn of_concurrent_puts_one_is_in_force_and_whole(options: StorageOptions) -> Checked {
    let server = Arc::new(Server::open(&options).await?);
    let puts = (0..8).map(|n| {
        let (server, body) = (Arc::clone(&server), format!("body {n}").repeat(1000));
        tokio::spawn(async move {
            let put = server.put("u/f", body.clone()).await;
            let file = server.put_file("f", body).await;
            put.and(file).map_err(|e| e.to_string())
        })
    });
    for put in futures::future::join_all(puts).await {
        put??;
    }
    let is_one =
        |bytes: &[u8]| (0..8).any(|n| bytes == format!("body {n}").repeat(1000).as_bytes());
    assert!(is_one(&server.code("u/f").await?.ok_or("no function")?));
    assert!(is_one(&server.file("f").await?.ok_or("no file")?));
    assert_eq!(server.storage.files().usage().files, 1);
    Ok(())
}

/// Others know before the caller does.
pub async fn every_change_is_announced_before_it_returns(options: StorageOptions) -> Checked {
    let server = Server::open(&options).await?;
    let listener = Listener::of(&server);
    let (name, files) = (function("u/f")?, server.storage.files());
    let (functions, python) = (server.storage.functions(), server.storage.python());
    let changed = [Changed::Function(name.clone())];
    server.put("u/f", "code").await?;
    assert_eq!(listener.heard(), changed);
    functions
        .set_limits(&name, LimitOverrides::default())
        .await?;
    assert_eq!(listener.heard(), changed);
    functions.delete(&name).await?;
    assert_eq!(listener.heard(), changed);
    functions.delete(&name).await?;
    assert_eq!(listener.heard(), []);
    python
        .put(name.clone(), server.body("p").await?, None)
        .await?;
    assert_eq!(listener.heard(), [Changed::Python(name)]);
    let [a, b, d] = ["a", "b", "d"].map(SharedPath::new);
    let (a, b, d) = (a?, b?, d?);
    let file = |path: &SharedPath| Changed::File(path.clone());
    server.put_file("a", "1").await?;
    assert_eq!(listener.heard(), [file(&a)]);
    files.rename(&a, b.clone()).await?;
    assert_eq!(listener.heard(), [file(&a), file(&b)]);
    files.create_directory(d.clone()).await?;
    files.remove_directory(&d).await?;
    assert_eq!(listener.heard(), [file(&d), file(&d)]);
    assert!(files.remove_directory(&d).await.is_err());
    assert_eq!(listener.heard(), []);
    server.put_file("d/1", "1").await?;
    listener.heard();
    files.delete_tree(&d).await?;
    assert_eq!(listener.heard(), [Changed::File(SharedPath::new("d/1")?)]);
    Ok(())
}

/// To do it again is what the error advises.
pub async fn what_was_not_announced_is_announced_when_it_is_done_again(
    options: StorageOptions,
) -> Checked {
    let server = Server::open(&options).await?;
    let listener = Listener::of(&server);
    server.put_file("a", "1").await?;
    server.put("u/f", "code").await?;
    listener.heard();
    listener.fail(true);
    let (name, path) = (function("u/f")?, SharedPath::new("a")?);
    let (functions, files) = (server.storage.functions(), server.storage.files());
    let silent = files.rename(&path, SharedPath::new("b")?).await;
    assert!(
        matches!(silent, Err(Error::Unannounced { .. })),
        "{silent:?}"
    );
    let silent = functions.delete(&name).await;
    assert!(
        matches!(silent, Err(Error::Unannounced { .. })),
        "{silent:?}"
    );
    // It is done all the same.
    assert_eq!(server.file("b").await?.as_deref(), Some(&b"1"[..]));
    assert_eq!(server.code("u/f").await?, None);
    listener.fail(false);
    assert!(!functions.delete(&name).await?);
    assert_eq!(listener.heard(), [Changed::Function(name)]);
    let gone = files.rename(&path, SharedPath::new("b")?).await;
    assert!(matches!(gone, Err(Error::NotFound(_))), "{gone:?}");
    let owed = [Changed::File(path), Changed::File(SharedPath::new("b")?)];
    assert_eq!(listener.heard(), owed);
    Ok(())
}
