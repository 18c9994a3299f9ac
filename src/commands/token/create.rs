//! `faasm token create`

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use faasm_auth::{
    EmbeddedTokens, Grant, Label, NewToken, Scope, TokenRecord, TokenStore, Tokens, Users,
};
use faasm_client::{CreatedToken, TokenInfo};
use faasm_model::now_ms;
use faasm_storage::DataDirLock;

use crate::cli::Context;
use crate::commands::serve;
use crate::exit::Usage;
use crate::units::parse_duration;

const EXAMPLES: &str = "\
Examples:
  faasm token create 'the shop' --user shop --scope invoke
  faasm token create CI --user a --user b --scope upload,read --expires 90d -o ci.token
  faasm token create 'lost the old one' --data-dir /var/lib/faasm --user '*' --scope admin";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Scopes: upload (functions and state), invoke (calls), read (looking at everything of the users),
files (shared files), admin (all of it, and tokens).

The token is printed once and can never be shown again: the server only keeps a hash.")]
pub struct Args {
    /// What the token is for, in words
    label: Label,

    /// What it lets its bearer do: upload, invoke, read, files, admin
    #[arg(long, required = true, value_delimiter = ',', value_name = "SCOPE")]
    scope: Vec<Scope>,

    /// For whose functions, state and calls: names, or * for all
    #[arg(long, required = true, value_delimiter = ',', value_name = "USER")]
    user: Vec<String>,

    /// After how long it no longer counts, such as 90d [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expires: Option<Duration>,

    /// Write the token to this new file, which only you can read, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Make it in the data directory of a server that does not run
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let users = Users::of(&self.user).map_err(|error| Usage(format!("--user: {error}")))?;
        let grant = Grant::new(self.scope.clone(), users);
        let grant = grant.map_err(|error| Usage(format!("--scope: {error}")))?;
        // Before there is a token that nobody has.
        let file = self.output.as_deref().map(new_file).transpose()?;
        let created = match &self.data_dir {
            Some(dir) => self.offline(dir, grant).await,
            None => self.online(context).await,
        };
        let created = created.inspect_err(|_| {
            if let Some((_, path)) = &file {
                // The next try is to make it anew.
                let _ = std::fs::remove_file(path);
            }
        })?;
        let (out, info) = (&context.out, &created.info);
        match file {
            Some((mut file, path)) => {
                let written = writeln!(file, "{}", created.token).and_then(|()| file.sync_all());
                let id = &info.id;
                written.with_context(|| {
                    format!("cannot write {}; revoke the token {id}", path.display())
                })?;
                let text = format!("token {} is in {}", info.id, path.display());
                out.answer(info, text)?;
            }
            None => out.answer(&created, &created.token)?,
        }
        out.note(format_args!(
            "id {}: keep the token, it cannot be shown again",
            info.id
        ));
        Ok(())
    }

    async fn online(&self, context: &Context) -> anyhow::Result<CreatedToken> {
        let new = faasm_client::NewToken {
            label: self.label.to_string(),
            scopes: self.scope.iter().map(Scope::to_string).collect(),
            users: self.user.clone(),
            expires_in: self.expires,
        };
        Ok(context.client()?.create_token(&new).await?)
    }

    /// For who has no admin's token any more, and can read the directory anyway.
    async fn offline(&self, dir: &Path, grant: Grant) -> anyhow::Result<CreatedToken> {
        if dir.join(serve::cluster::CLUSTER).exists() {
            let text = "the server of this directory is in a cluster, whose tokens are in its Redis: give the server a token with FAASM_ADMIN_TOKEN, and start it again";
            return Err(Usage(text.into()).into());
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let new = NewToken {
            label: self.label.clone(),
            grant,
            expires_at_ms: self
                .expires
                .map(|time| now_ms().saturating_add(millis(time))),
        };
        anyhow::ensure!(dir.is_dir(), "there is no data directory {}", dir.display());
        let _lock = DataDirLock::acquire(dir, "making a token")?;
        let store = Arc::new(EmbeddedTokens::open(&serve::tokens::directory(dir))?);
        let tokens = Tokens::open(Arc::clone(&store) as Arc<dyn TokenStore>).await?;
        let (token, record) = tokens.create(new).await?;
        store.close().await;
        let token = token.expose();
        Ok(CreatedToken {
            token,
            info: info(&record),
        })
    }
}

fn info(record: &TokenRecord) -> TokenInfo {
    TokenInfo {
        id: record.id.to_string(),
        label: record.label.to_string(),
        scopes: record.grant.scopes().map(|s| s.to_string()).collect(),
        users: record.grant.users().clone().into(),
        created_at_ms: record.created_at_ms,
        expires_at_ms: record.expires_at_ms,
    }
}

fn new_file(path: &Path) -> anyhow::Result<(std::fs::File, &Path)> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let file = file.with_context(|| format!("cannot make {}", path.display()))?;
    Ok((file, path))
}
