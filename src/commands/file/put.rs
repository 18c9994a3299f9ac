//! `faasm file put`

use std::fs;
use std::path::{Path, PathBuf};

use faasm_client::{Client, Error, FileRecord, Source};
use indicatif::ProgressBar;

use super::batch::{self, Move};
use super::local::{Tree, io_error};
use super::remote::Remote;
use crate::cli::Context;
use crate::commands::transfer::{show, show_part};
use crate::exit::{Local, Usage};

const EXAMPLES: &str = "\
Examples:
  faasm file put model.bin models/v1.bin
  faasm file put notes.txt texts/
  faasm file put -r books texts
  date | faasm file put - stamp";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
With -r, what is in LOCAL comes to be in REMOTE: books/a/b.txt becomes texts/a/b.txt. Hidden
files are included, symbolic links followed, except back to a directory that they are in.
If a name cannot be that of a shared file, nothing is sent; what cannot be read is named at
the end, and the rest is stored.")]
pub struct Args {
    /// A file, or with -r a directory; `-` is standard input
    local: PathBuf,

    /// Where functions open it; with a / at its end, the directory that takes it
    remote: Remote,

    /// Store all files below a directory
    #[arg(short, long)]
    recursive: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let Self { local, remote, .. } = &self;
        let client = context.client()?;
        if local.as_os_str() == "-" {
            return put(context, &client, Source::Stdin, None, remote).await;
        }
        let meta = fs::metadata(local).map_err(io_error(local))?;
        if !meta.is_dir() {
            let name = local.file_name().map(|name| name.to_string_lossy());
            return put(context, &client, local.as_path(), name.as_deref(), remote).await;
        }
        if !self.recursive {
            let message = format!(
                "{} is a directory: -r stores all files below it",
                local.display()
            );
            return Err(Usage(message).into());
        }
        let moves = moves(context, local, remote)?;
        let put = async |Move { local, remote, .. }: Move<Found>, bar: ProgressBar| {
            let put = client.put_file(&remote, local?, show_part(&bar)).await;
            put.map(|record| record.version.size)
        };
        batch::run(context, "storing", moves, put).await
    }
}

/// A file below the directory, or why it cannot be read.
type Found = Result<PathBuf, Error>;

/// Stores one file behind a progress bar.
async fn put(
    context: &Context,
    client: &Client,
    source: impl Into<Source>,
    name: Option<&str>,
    remote: &Remote,
) -> anyhow::Result<()> {
    let path = remote.place(name)?;
    let bar = context.out.progress(&format!("storing {path}"));
    let shown = bar.clone();
    let put = client.put_file(&path, source, move |progress| show(&shown, progress));
    let put = put.await;
    bar.finish_and_clear();
    let record = put?;
    let FileRecord { path, version } = &record;
    let text = format!("{path}: {} bytes, hash {}", version.size, version.hash);
    Ok(context.out.answer(&record, text)?)
}

/// Where all files below `root` go.
fn moves(context: &Context, root: &Path, remote: &Remote) -> anyhow::Result<Vec<Move<Found>>> {
    let Tree { files, left_out } = Tree::scan(root)?;
    for (path, why) in left_out {
        context
            .out
            .note(format_args!("left out {}: {why}", path.display()));
    }
    let (mut moves, mut refused) = (Vec::new(), Vec::new());
    for file in files {
        let path = match file.below.to_str() {
            Some(below) => remote.join(below).map_err(|error| error.to_string()),
            None => Err("the name is not UTF-8".to_owned()),
        };
        match path {
            Ok(remote) => moves.push(Move {
                remote,
                size: *file.size.as_ref().unwrap_or(&0),
                local: file.size.map(|_| file.path),
            }),
            Err(why) => refused.push(format!("\n  {:?}: {why}", file.path)),
        }
    }
    if refused.is_empty() {
        return Ok(moves);
    }
    Err(Local {
        code: "file",
        message: format!(
            "nothing is stored: {} names cannot be those of shared files:{}",
            refused.len(),
            refused.concat()
        ),
        hint: "rename these files".into(),
    }
    .into())
}
