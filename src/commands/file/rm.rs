//! `faasm file rm`

use faasm_client::Error;
use serde_json::json;

use super::count;
use super::remote::Remote;
use crate::cli::Context;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  faasm file rm models/v1.bin
  faasm file rm -r texts";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "Calls that have a file open keep what it was.")]
pub struct Args {
    /// A file, or with -r a directory
    remote: Remote,

    /// Remove all files below a directory
    #[arg(short, long)]
    recursive: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let Some(path) = self.remote.path() else {
            return Err(Usage("name what to remove: / is always there".into()).into());
        };
        let client = context.client()?;
        let removed = match (self.recursive, self.remote.file()) {
            (true, _) => client.delete_files(path).await,
            (false, Some(file)) => client.delete_file(file).await.map(|()| 1),
            (false, None) => {
                let message =
                    format!("{path}/ stands for a directory: -r removes all files below it");
                return Err(Usage(message).into());
            }
        };
        let files = match removed {
            Err(Error::IsADirectory(path)) => {
                let message = format!("{path} is a directory: -r removes all files below it");
                return Err(Usage(message).into());
            }
            removed => removed?,
        };
        let text = match self.recursive {
            true => format!("removed {path}: {}", count(files)),
            false => format!("removed {path}"),
        };
        let json = json!({ "removed": { "path": path, "files": files } });
        Ok(context.out.answer(&json, text)?)
    }
}
