//! Checks with several servers.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use faasm_model::{ContentHash, LimitOverrides, SharedPath};
use tokio::task::spawn_blocking;

use super::helpers::{Checked, Server, cluster_key, function};
use crate::{ArtifactKind, Artifacts, Compat, Metadata, StorageOptions};

/// It is made once, also if all start at the same time.
pub async fn all_servers_see_the_same_id(options: StorageOptions) -> Checked {
    let opened = (0..4).map(|_| Server::open(&options));
    let servers = futures::future::try_join_all(opened).await?;
    for server in &servers {
        assert_eq!(server.storage.id(), servers[0].storage.id());
    }
    Ok(())
}

/// Put, replaced and deleted.
pub async fn a_refresh_shows_what_another_server_did(options: StorageOptions) -> Checked {
    let (one, other) = (Server::open(&options).await?, Server::open(&options).await?);
    let (name, path) = (function("u/f")?, SharedPath::new("a/b")?);
    for body in ["first", "second"] {
        one.put("u/f", body).await?;
        one.put_file("a/b", body).await?;
        other.storage.functions().refresh(&name).await?;
        other.storage.files().refresh(&path).await?;
        assert_eq!(other.code("u/f").await?.as_deref(), Some(body.as_bytes()));
        assert_eq!(other.file("a/b").await?.as_deref(), Some(body.as_bytes()));
        assert_eq!(other.storage.files().usage(), one.storage.files().usage());
    }
    one.storage.functions().delete(&name).await?;
    one.storage.files().delete(&path).await?;
    other.storage.functions().refresh(&name).await?;
    other.storage.files().refresh(&path).await?;
    assert_eq!(other.code("u/f").await?, None);
    assert_eq!(other.file("a/b").await?, None);
    assert_eq!(other.storage.files().usage().files, 0);
    Ok(())
}

/// Without being told of what.
pub async fn refreshing_all_finds_everything(options: StorageOptions) -> Checked {
    let (one, other) = (Server::open(&options).await?, Server::open(&options).await?);
    other.put("u/gone", "gone").await?;
    other.put_file("gone/too", "gone").await?;
    one.storage.refresh_all().await?;
    one.storage.functions().delete(&function("u/gone")?).await?;
    one.storage
        .files()
        .delete(&SharedPath::new("gone/too")?)
        .await?;
    // Where a directory was.
    one.put_file("gone", "a file").await?;
    for n in 0..20 {
        one.put(&format!("u/f{n}"), format!("code {n}")).await?;
        one.put_file(&format!("d/f{n}"), format!("bytes {n}"))
            .await?;
    }
    let source = one.body("print()").await?;
    one.storage
        .python()
        .put(function("u/p")?, source, None)
        .await?;
    one.storage
        .files()
        .create_directory(SharedPath::new("made")?)
        .await?;
    other.storage.refresh_all().await?;
    assert_eq!(other.code("u/gone").await?, None);
    assert_eq!(other.file("gone").await?.as_deref(), Some(&b"a file"[..]));
    for n in 0..20 {
        let code = other.code(&format!("u/f{n}")).await?;
        assert_eq!(code.as_deref(), Some(format!("code {n}").as_bytes()));
        let bytes = other.file(&format!("d/f{n}")).await?;
        assert_eq!(bytes.as_deref(), Some(format!("bytes {n}").as_bytes()));
    }
    assert!(other.storage.python().get(&function("u/p")?).is_some());
    let made = other
        .storage
        .files()
        .metadata(Some(&SharedPath::new("made")?));
    assert_eq!(made, Some(Metadata::Directory));
    assert_eq!(other.storage.files().usage(), one.storage.files().usage());
    Ok(())
}

/// What was acknowledged is there.
pub async fn refreshing_all_loses_nothing_that_is_put_meanwhile(
    options: StorageOptions,
) -> Checked {
    let server = Arc::new(Server::open(&options).await?);
    let refreshing = Arc::clone(&server);
    let refreshing = tokio::spawn(async move {
        for _ in 0..5 {
            let refreshed = refreshing.storage.refresh_all().await;
            refreshed.map_err(|e| e.to_string())?;
        }
        Ok::<_, String>(())
    });
    for n in 0..30 {
        server
            .put(&format!("u/f{}", n % 5), format!("code {n}"))
            .await?;
        let code = server.code(&format!("u/f{}", n % 5)).await?;
        assert_eq!(code.as_deref(), Some(format!("code {n}").as_bytes()));
        server
            .put_file(&format!("d/f{}", n % 5), format!("bytes {n}"))
            .await?;
        let bytes = server.file(&format!("d/f{}", n % 5)).await?;
        assert_eq!(bytes.as_deref(), Some(format!("bytes {n}").as_bytes()));
    }
    refreshing.await??;
    assert_eq!(server.storage.files().usage().files, 5);
    Ok(())
}

/// Also if nobody has told.
pub async fn a_change_builds_on_what_another_server_stored(options: StorageOptions) -> Checked {
    let (one, other) = (Server::open(&options).await?, Server::open(&options).await?);
    one.put("u/f", "one").await?;
    let limits = LimitOverrides {
        memory_bytes: Some(64 << 20),
        ..LimitOverrides::default()
    };
    let set = other
        .storage
        .functions()
        .set_limits(&function("u/f")?, limits)
        .await?;
    assert_eq!(set.map(|record| record.hash), Some(ContentHash::of(b"one")));
    one.put("u/f", "two").await?;
    let record = one
        .storage
        .functions()
        .get(&function("u/f")?)
        .ok_or("it is gone")?;
    assert_eq!(record.limits, limits);
    assert!(other.storage.functions().delete(&function("u/f")?).await?);
    one.storage.functions().refresh(&function("u/f")?).await?;
    assert_eq!(one.code("u/f").await?, None);
    one.put_file("a", "1").await?;
    let (a, b) = (SharedPath::new("a")?, SharedPath::new("b")?);
    let renamed = other.storage.files().rename(&a, b).await?;
    assert_eq!(renamed.hash, ContentHash::of(b"1"));
    one.storage.refresh_all().await?;
    assert_eq!(one.file("a").await?, None);
    assert_eq!(one.file("b").await?.as_deref(), Some(&b"1"[..]));
    Ok(())
}

/// And the other way round.
pub async fn what_replaces_a_directory_elsewhere_replaces_it_here(
    options: StorageOptions,
) -> Checked {
    let (one, other) = (Server::open(&options).await?, Server::open(&options).await?);
    let path = SharedPath::new("p")?;
    one.storage.files().create_directory(path.clone()).await?;
    other.storage.files().refresh(&path).await?;
    let found = |server: &Server| server.storage.files().metadata(Some(&path));
    assert_eq!(found(&other), Some(Metadata::Directory));
    one.storage.files().remove_directory(&path).await?;
    one.put_file("p", "a file").await?;
    other.storage.files().refresh(&path).await?;
    assert!(matches!(found(&other), Some(Metadata::File(_))));
    one.storage.files().delete(&path).await?;
    one.storage.files().create_directory(path.clone()).await?;
    other.storage.files().refresh(&path).await?;
    assert_eq!(found(&other), Some(Metadata::Directory));
    Ok(())
}

/// Another server may be running it.
pub async fn content_that_is_replaced_stays_for_those_who_have_it(
    options: StorageOptions,
) -> Checked {
    let (one, other) = (Server::open(&options).await?, Server::open(&options).await?);
    one.put("u/f", "old").await?;
    other.storage.functions().refresh(&function("u/f")?).await?;
    let old = other
        .storage
        .functions()
        .get(&function("u/f")?)
        .ok_or("it is gone")?;
    one.put("u/f", "new").await?;
    one.storage.functions().delete(&function("u/f")?).await?;
    other.storage.functions().refresh(&function("u/f")?).await?;
    assert_eq!(other.storage.functions().code(&old).await?, "old");
    Ok(())
}

/// However much is read through it.
pub async fn the_cache_keeps_its_limit_and_open_files_can_be_read_on(
    options: StorageOptions,
) -> Checked {
    let small = StorageOptions {
        cache_bytes: 10_000,
        ..options.clone()
    };
    let (one, other) = (Server::open(&options).await?, Server::open(&small).await?);
    for n in 0..20_u8 {
        one.put_file(&format!("f{n}"), vec![n; 3000]).await?;
    }
    other.storage.refresh_all().await?;
    let first = other.storage.files().open(&SharedPath::new("f0")?)?;
    for round in 0..2 {
        for n in 0..20_u8 {
            let read = other.file(&format!("f{n}")).await?;
            assert!(read == Some(vec![n; 3000]), "{round} {n}");
            assert!(cached_bytes(&other)? <= 10_000);
        }
    }
    let mut bytes = vec![1; 3000];
    assert_eq!(first.read_at(&mut bytes, 0)?, 3000);
    assert_eq!(bytes, vec![0; 3000]);
    Ok(())
}

/// By one server it is made, and by others taken.
pub async fn compiled_code_is_shared_with_those_who_have_the_key(
    options: StorageOptions,
) -> Checked {
    let keyed = |key| StorageOptions {
        cluster_key: key,
        ..options.clone()
    };
    let key = options.cluster_key.clone();
    let key = key.map_or_else(|| cluster_key(1), Ok)?;
    let (one, other) = (keyed(Some(key.clone())), keyed(Some(key)));
    let (one, other) = (Server::open(&one).await?, Server::open(&other).await?);
    let hash = ContentHash::of(b"source");
    let image = ArtifactKind::Image(ContentHash::of(b"image"));
    let native = Bytes::from(vec![7; 300_000]);
    for kind in [ArtifactKind::Code, ArtifactKind::Bare, image] {
        assert_eq!(made(&other, "c-1", hash, kind).await?, None);
        make(&one, "c-1", hash, kind, native.clone()).await?;
        assert!(made(&other, "c-1", hash, kind).await?.as_deref() == Some(&native[..]));
        // Of another version, nothing.
        assert_eq!(made(&other, "c-2", hash, kind).await?, None);
    }
    Ok(())
}

/// It is made again instead, and that replaces it.
pub async fn compiled_code_that_was_tampered_with_is_none(options: StorageOptions) -> Checked {
    let key = options.cluster_key.clone();
    let key = key.map_or_else(|| cluster_key(1), Ok)?;
    let keyed = StorageOptions {
        cluster_key: Some(key),
        ..options
    };
    let (one, other) = (Server::open(&keyed).await?, Server::open(&keyed).await?);
    let hash = ContentHash::of(b"source");
    make(&one, "c-1", hash, ArtifactKind::Code, "native".into()).await?;
    // Whoever can write to the storage puts code of one source in the place of another's.
    let objects = one.storage.objects();
    let key = |hash| object_store::path::Path::from(format!("artifacts/c-1/{hash}.cwasm"));
    let genuine = objects
        .get_small(key(hash), 1 << 20)
        .await?
        .ok_or("it is not shared")?;
    let victim = ContentHash::of(b"another");
    for forged in [
        genuine,
        Bytes::from_static(b"short"),
        Bytes::from(vec![0; 100]),
    ] {
        let body = one.body(forged).await?;
        objects.put_file(key(victim), body).await?;
        assert_eq!(made(&other, "c-1", victim, ArtifactKind::Code).await?, None);
    }
    make(&one, "c-1", victim, ArtifactKind::Code, "made again".into()).await?;
    let made = made(&other, "c-1", victim, ArtifactKind::Code).await?;
    assert_eq!(made.as_deref(), Some(&b"made again"[..]));
    Ok(())
}

async fn make(
    server: &Server,
    compat: &str,
    hash: ContentHash,
    kind: ArtifactKind,
    bytes: Bytes,
) -> Checked {
    let (artifacts, compat) = (server.storage.artifacts().clone(), Compat::new(compat)?);
    spawn_blocking(move || artifacts.put(&compat, hash, kind, &bytes)).await??;
    Ok(())
}

async fn made(
    server: &Server,
    compat: &str,
    hash: ContentHash,
    kind: ArtifactKind,
) -> Checked<Option<Vec<u8>>> {
    let (artifacts, compat) = (server.storage.artifacts().clone(), Compat::new(compat)?);
    Ok(spawn_blocking(move || read(&artifacts, &compat, hash, kind)).await??)
}

fn read(
    artifacts: &Artifacts,
    compat: &Compat,
    hash: ContentHash,
    kind: ArtifactKind,
) -> Result<Option<Vec<u8>>, String> {
    let opened = artifacts
        .open(compat, hash, kind)
        .map_err(|e| e.to_string())?;
    let Some(mut file) = opened else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    Ok(Some(bytes))
}

/// What the cache takes on the disk.
fn cached_bytes(server: &Server) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(server.path().join("cache/objects/content"))? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
