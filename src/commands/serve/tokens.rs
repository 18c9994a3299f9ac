//! The tokens of a server, and how its operator gets the first one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use faasm_auth::{EmbeddedTokens, Grant, Label, NewToken, Scope, Token, TokenStore, Tokens};
use faasm_model::now_ms;

/// The first token's label, and its file's name in the data directory.
const FIRST: &str = "admin-token";

/// Where in a data directory tokens are.
pub fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("tokens")
}

/// The tokens of a server without others beside it.
pub fn embedded(data_dir: &Path) -> anyhow::Result<Arc<dyn TokenStore>> {
    Ok(Arc::new(EmbeddedTokens::open(&directory(data_dir))?))
}

/// The tokens in `store`. If nobody could make tokens, one who can is written to a file in `data_dir`
/// that only the server's user can read.
pub async fn open(store: Arc<dyn TokenStore>, data_dir: &Path) -> anyhow::Result<Tokens> {
    let tokens = Tokens::open(store).await?;
    let follower = tokens.clone();
    tokio::spawn(async move { follower.follow().await });
    let now = now_ms();
    let has_admin = tokens
        .list()
        .iter()
        .any(|record| record.grant.has(Scope::Admin) && !record.is_expired(now));
    if !has_admin {
        let path = data_dir.join(FIRST);
        first(&tokens, &path).await?;
        tracing::warn!(path = %path.display(), "there was no token of an admin: one was made, and is in this file");
    }
    Ok(tokens)
}

/// Makes a token that may do everything. The file comes first: if the server ends in between, the
/// next one makes another.
async fn first(tokens: &Tokens, path: &Path) -> anyhow::Result<()> {
    let token = Token::generate()?;
    write(path, &token).with_context(|| format!("cannot write {}", path.display()))?;
    let label: Label = FIRST.parse()?;
    let new = NewToken {
        label,
        grant: Grant::admin(),
        expires_at_ms: None,
    };
    tokens.add(&token, new).await?;
    Ok(())
}

/// Replaces the file at once, so that the secret is never in one that others can read.
fn write(path: &Path, token: &Token) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    // Mode 0600 from the beginning.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    writeln!(file, "{}", token.expose())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Or the token could outlast its file.
    std::fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn read(dir: &Path) -> String {
        let text = std::fs::read_to_string(dir.join(FIRST)).unwrap();
        text.trim_end().to_owned()
    }

    #[tokio::test]
    async fn the_first_token_is_in_a_file_of_the_servers_user_and_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = embedded(dir.path()).unwrap();
        let tokens = open(Arc::clone(&store), dir.path()).await.unwrap();
        let first = read(dir.path());
        assert!(tokens.check(&first, 0).unwrap().grant.has(Scope::Admin));
        let mode = std::fs::metadata(dir.path().join(FIRST))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        store.close().await;
        let store = embedded(dir.path()).unwrap();
        let tokens = open(store, dir.path()).await.unwrap();
        assert_eq!((read(dir.path()), tokens.list().len()), (first, 1));
    }

    #[tokio::test]
    async fn a_server_without_an_admin_makes_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = embedded(dir.path()).unwrap();
        let tokens = open(Arc::clone(&store), dir.path()).await.unwrap();
        let first = read(dir.path());
        let id = tokens.list()[0].id;
        assert!(tokens.revoke(id).await.unwrap());
        store.close().await;
        let store = embedded(dir.path()).unwrap();
        let tokens = open(store, dir.path()).await.unwrap();
        assert!(tokens.check(&first, 0).is_err());
        assert!(tokens.check(&read(dir.path()), 0).is_ok());
    }
}
