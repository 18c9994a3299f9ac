//! Bytes on their way, with a bar for who watches.

use std::path::{Path, PathBuf};

use faasm_client::{Download, Progress, Source};
use indicatif::ProgressBar;

use crate::cli::Context;

/// Where the bytes of a state value or of an element come from.
#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    /// A file with the bytes; `-` is standard input
    file: PathBuf,
}

impl From<SourceArgs> for Source {
    fn from(SourceArgs { file }: SourceArgs) -> Self {
        match file.as_os_str() == "-" {
            true => Self::Stdin,
            false => Self::File(file),
        }
    }
}

/// Shows on `bar` how far it is.
pub fn show(bar: &ProgressBar, progress: Progress) {
    // Without a length there is no bar to fill.
    if let Some(total) = progress.total {
        bar.set_length(total);
        bar.set_position(progress.done);
    }
}

/// Saves a download behind a progress bar, and says how many bytes.
pub async fn save(context: &Context, download: Download, path: &Path) -> anyhow::Result<u64> {
    let bar = context.out.progress(&format!("writing {}", path.display()));
    let saved = download.save(path, |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    Ok(saved?)
}
