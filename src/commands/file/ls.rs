//! `faasm file ls`

use faasm_client::{Client, DirectoryEntry, EntryKind, Error, FileRecord, FileVersion};
use faasm_model::{ContentHash, SharedPath};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;

use super::remote::Remote;
use crate::cli::Context;
use crate::commands::list;
use crate::units::{show_moment, show_size};

const EXAMPLES: &str = "\
Examples:
  faasm file ls
  faasm file ls texts
  faasm file ls -r";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// A directory
    #[arg(default_value = "/", hide_default_value = true)]
    remote: Remote,

    /// List all files below it
    #[arg(short, long)]
    recursive: bool,
}

/// What is at a path, as far as it is known.
#[derive(Serialize)]
struct Row {
    path: String,
    kind: &'static str,
    size: Option<u64>,
    hash: Option<ContentHash>,
    modified_at_ms: Option<u64>,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let client = context.client()?;
        let rows = rows(&client, &self.remote, self.recursive);
        let listed = list::print(&context.out, "entries", rows, line).await;
        match (listed, self.remote.file()) {
            (Err(error), Some(path)) if is_about_a_file(&error) => {
                let row = stream::iter([Row::of_file(&client, path).await]);
                list::print(&context.out, "entries", row, line).await
            }
            (listed, _) => listed,
        }
    }
}

fn rows(
    client: &Client,
    remote: &Remote,
    recursive: bool,
) -> BoxStream<'static, Result<Row, Error>> {
    if recursive {
        let files = client.walk_files(remote.path());
        return files.map_ok(Row::from).boxed();
    }
    let entries = client.list_files(remote.path());
    let prefix = match remote.path() {
        Some(directory) => format!("{directory}/"),
        None => String::new(),
    };
    entries
        .map_ok(move |entry| Row::of_entry(&prefix, entry))
        .boxed()
}

fn is_about_a_file(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Refused { code, .. }) if code == "not_a_directory")
}

impl Row {
    fn new(path: String, version: FileVersion) -> Self {
        Self {
            path,
            kind: "file",
            size: Some(version.size),
            hash: Some(version.hash),
            modified_at_ms: Some(version.modified_at_ms),
        }
    }

    fn of_entry(prefix: &str, entry: DirectoryEntry) -> Self {
        let path = format!("{prefix}{}", entry.name);
        match entry.kind {
            EntryKind::File(version) => Self::new(path, version),
            EntryKind::Directory => Self {
                path,
                kind: "directory",
                size: None,
                hash: None,
                modified_at_ms: None,
            },
        }
    }

    /// What a download says of its file before the first byte.
    async fn of_file(client: &Client, path: &SharedPath) -> Result<Self, Error> {
        let download = client.get_file(path).await?;
        Ok(Self {
            path: path.to_string(),
            kind: "file",
            size: download.announced_len(),
            hash: download.hash(),
            modified_at_ms: None,
        })
    }
}

impl From<FileRecord> for Row {
    fn from(FileRecord { path, version }: FileRecord) -> Self {
        Self::new(path.into(), version)
    }
}

fn line(row: &Row) -> String {
    let slash = if row.kind == "directory" { "/" } else { "" };
    let name = format!("{}{slash}", row.path);
    let size = row.size.map_or("-".to_owned(), show_size);
    let modified = row.modified_at_ms.map_or("-".to_owned(), show_moment);
    format!("{name:<40} {size:>10}  {modified}")
}
