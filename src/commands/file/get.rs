//! `faasm file get`

use std::fs;
use std::path::{Path, PathBuf};

use faasm_client::{Client, Download, Error};
use faasm_model::SharedPath;
use futures::TryStreamExt;
use indicatif::ProgressBar;
use serde_json::json;

use super::batch::{self, Move};
use super::local::{io_error, make_way};
use super::remote::Remote;
use crate::cli::Context;
use crate::commands::transfer::{self, show_part};
use crate::exit::Usage;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm file get counts/texts
  faasm file get models/v1.bin model.bin
  faasm file get -r texts books";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
With -r, what is in REMOTE comes to be in LOCAL, which is made if it is not there. Files that
are there are replaced; nothing is written through a symbolic link below LOCAL.")]
pub struct Args {
    /// The path at which functions open it
    remote: Remote,

    /// Where it goes, or the directory that takes it; `-` is standard output
    #[arg(default_value = "-")]
    local: PathBuf,

    /// Fetch all files below a directory
    #[arg(short, long)]
    recursive: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let client = context.client()?;
        let to_stdout = self.local.as_os_str() == "-";
        if to_stdout && context.out.is_json() {
            return Err(Usage("with --format json, the bytes need a file".into()).into());
        }
        if let Some(path) = self.remote.file() {
            match client.get_file(path).await {
                Ok(download) if to_stdout => {
                    return transfer::print(context, download, "name a file for it").await;
                }
                Ok(download) => return save(context, download, path, self.local).await,
                Err(Error::IsADirectory(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.recursive {
            let message = format!("{} is a directory: -r fetches what is in it", self.remote);
            return Err(Usage(message).into());
        }
        if to_stdout {
            return Err(Usage("a directory needs a place on this machine".into()).into());
        }
        save_all(context, &client, self.remote.path(), &self.local).await
    }
}

/// Saves one file.
async fn save(
    context: &Context,
    download: Download,
    remote: &SharedPath,
    mut local: PathBuf,
) -> anyhow::Result<()> {
    if local.is_dir() {
        local.extend(remote.names().next_back());
    }
    let hash = download.hash();
    let size = transfer::save(context, download, &local).await?;
    let text = format!("{}: {}", local.display(), show_size(size));
    let json = json!({ "path": local, "size": size, "hash": hash });
    Ok(context.out.answer(&json, text)?)
}

/// Saves all files below a directory.
async fn save_all(
    context: &Context,
    client: &Client,
    directory: Option<&SharedPath>,
    root: &Path,
) -> anyhow::Result<()> {
    let files = client.walk_files(directory).try_filter_map(async |file| {
        // The client answers for all of them being below the directory.
        let below = file.below(directory).map(str::to_owned);
        Ok(below.map(|below| Move {
            local: below,
            remote: file.path,
            size: file.version.size,
        }))
    });
    let moves: Vec<_> = files.try_collect().await?;
    fs::create_dir_all(root).map_err(io_error(root))?;
    let get = async |Move { local, remote, .. }: Move<String>, bar: ProgressBar| {
        let download = client.get_file(&remote).await?;
        let path = make_way(root, &local)?;
        download.save(&path, show_part(&bar)).await
    };
    batch::run(context, "fetching", moves, get).await
}
