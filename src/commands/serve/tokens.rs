//! The tokens of a server, and how its operator gets the first one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
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

/// How an operator gets the first token.
#[derive(Clone, Debug)]
pub enum First {
    /// It was given, and may do everything.
    Given(Token),
    /// If nobody could make tokens, the server writes one who can to a file of the data
    /// directory, which only its user can read.
    Made,
    /// Another server does that.
    Elsewhere,
}

/// The tokens in `store`, with the first one.
pub async fn open(
    store: Arc<dyn TokenStore>,
    first: &First,
    data_dir: &Path,
) -> anyhow::Result<Tokens> {
    let tokens = Tokens::open(store).await?;
    let follower = tokens.clone();
    tokio::spawn(async move { follower.follow().await });
    match first {
        First::Given(token) => give(&tokens, token).await?,
        First::Made if !has_admin(&tokens) => {
            let path = data_dir.join(FIRST);
            make(&tokens, &path).await?;
            tracing::warn!(path = %path.display(), "there was no token of an admin: one was made, and is in this file");
        }
        First::Made | First::Elsewhere => {}
    }
    Ok(tokens)
}

fn has_admin(tokens: &Tokens) -> bool {
    let (now, all) = (now_ms(), tokens.list());
    all.iter()
        .any(|record| record.grant.has(Scope::Admin) && !record.is_expired(now))
}

/// Has a token of the operator's count, unless it does.
async fn give(tokens: &Tokens, token: &Token) -> anyhow::Result<()> {
    let all = tokens.list();
    match all.iter().find(|record| record.id == token.id()) {
        Some(record) if record.hash.is_of(token) => return Ok(()),
        Some(record) => bail!(
            "there is another token with the id {}: choose another FAASM_ADMIN_TOKEN",
            record.id
        ),
        None => {}
    }
    match tokens.add(token, admin()?).await {
        // Another server was given the same.
        Ok(_) | Err(faasm_auth::Error::Exists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn admin() -> anyhow::Result<NewToken> {
    Ok(NewToken {
        label: FIRST.parse::<Label>()?,
        grant: Grant::admin(),
        expires_at_ms: None,
    })
}

/// Makes a token that may do everything. The file comes first: if the server ends in between, the
/// next one makes another.
async fn make(tokens: &Tokens, path: &Path) -> anyhow::Result<()> {
    let token = Token::generate()?;
    write(path, &token).with_context(|| format!("cannot write {}", path.display()))?;
    tokens.add(&token, admin()?).await?;
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
        let tokens = open(Arc::clone(&store), &First::Made, dir.path())
            .await
            .unwrap();
        let first = read(dir.path());
        assert!(tokens.check(&first, 0).unwrap().grant.has(Scope::Admin));
        let mode = std::fs::metadata(dir.path().join(FIRST))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        store.close().await;
        let store = embedded(dir.path()).unwrap();
        let tokens = open(store, &First::Made, dir.path()).await.unwrap();
        assert_eq!((read(dir.path()), tokens.list().len()), (first, 1));
    }

    #[tokio::test]
    async fn a_server_without_an_admin_makes_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = embedded(dir.path()).unwrap();
        let tokens = open(Arc::clone(&store), &First::Made, dir.path())
            .await
            .unwrap();
        let first = read(dir.path());
        let id = tokens.list()[0].id;
        assert!(tokens.revoke(id).await.unwrap());
        store.close().await;
        let store = embedded(dir.path()).unwrap();
        let tokens = open(store, &First::Made, dir.path()).await.unwrap();
        assert!(tokens.check(&first, 0).is_err());
        assert!(tokens.check(&read(dir.path()), 0).is_ok());
    }

    #[tokio::test]
    async fn a_token_that_is_given_counts_and_no_other_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let given = Token::generate().unwrap();
        for _ in 0..2 {
            let store = embedded(dir.path()).unwrap();
            let first = First::Given(given.clone());
            let tokens = open(Arc::clone(&store), &first, dir.path()).await.unwrap();
            let found = tokens.check(&given.expose(), 0).unwrap();
            assert!(found.grant.has(Scope::Admin));
            assert_eq!(tokens.list().len(), 1);
            assert!(!dir.path().join(FIRST).exists());
            store.close().await;
        }
        let text = given.expose();
        let (rest, last) = text.split_at(text.len() - 1);
        let other = if last == "a" { "b" } else { "a" };
        let other = Token::parse(&format!("{rest}{other}")).unwrap();
        let store = embedded(dir.path()).unwrap();
        let refused = open(store, &First::Given(other), dir.path()).await;
        let error = refused.err().unwrap().to_string();
        assert!(error.contains("FAASM_ADMIN_TOKEN"), "{error}");
    }
}
