//! Bytes on their way, with a bar for who watches.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use faasm_client::{Download, Progress, Source};
use indicatif::ProgressBar;

use crate::cli::Context;
use crate::exit::Usage;
use crate::output::is_printable;

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

/// Adds to `bar`, which is that of several transfers, what one of them has moved.
pub fn show_part(bar: &ProgressBar) -> impl FnMut(Progress) + Send + 'static {
    let bar = bar.clone();
    let mut before = 0;
    move |Progress { done, .. }| {
        bar.inc(done - before);
        before = done;
    }
}

/// Prints a download's bytes on stdout, unless they could steer a terminal; then the error
/// says what to do `instead`.
pub async fn print(context: &Context, mut download: Download, instead: &str) -> anyhow::Result<()> {
    let out = &context.out;
    if std::io::stdout().is_terminal() {
        let bytes = download.bytes().await?;
        if !is_printable(&bytes) {
            let message = format!("the terminal is no place for a binary: {instead}");
            return Err(Usage(message).into());
        }
        return Ok(out.bytes(&bytes)?);
    }
    while let Some(piece) = download.chunk().await? {
        out.bytes(&piece)?;
    }
    Ok(())
}

/// Saves a download behind a progress bar, and says how many bytes.
pub async fn save(context: &Context, download: Download, path: &Path) -> anyhow::Result<u64> {
    let bar = context.out.progress(&format!("writing {}", path.display()));
    let saved = download.save(path, |progress| show(&bar, progress)).await;
    bar.finish_and_clear();
    Ok(saved?)
}
