//! Many files on their way, a few at a time.

use std::time::Instant;

use faasm_client::Error;
use faasm_model::SharedPath;
use futures::{StreamExt, stream};
use indicatif::ProgressBar;
use serde::Serialize;

use super::count;
use crate::cli::Context;
use crate::units::{show_size, show_us};

/// How many files are on their way at a time.
const AT_A_TIME: usize = 8;

/// A file to be moved.
#[derive(Debug)]
pub struct Move<L> {
    /// Where it is, or goes, on this machine.
    pub local: L,
    /// Its path among the shared files.
    pub remote: SharedPath,
    /// In bytes.
    pub size: u64,
}

/// What became of the files.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: u64,
    bytes: u64,
    failed: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    path: SharedPath,
    message: String,
}

/// Moves all files by `one`, which says how many bytes a file had, and prints a summary.
///
/// # Errors
/// One that names all files that failed; they do not keep others from being moved. If the
/// server is gone, that at once.
pub async fn run<L>(
    context: &Context,
    what: &str,
    files: Vec<Move<L>>,
    one: impl AsyncFn(Move<L>, ProgressBar) -> Result<u64, Error>,
) -> anyhow::Result<()> {
    let (started, total) = (Instant::now(), files.len());
    let bar = context.out.progress(what);
    bar.set_length(files.iter().map(|file| file.size).sum());
    let moves = stream::iter(files).map(|file| {
        let (path, moved) = (file.remote.clone(), one(file, bar.clone()));
        async { (path, moved.await) }
    });
    let mut moves = Box::pin(moves.buffer_unordered(AT_A_TIME));
    let mut summary = Summary::default();
    let mut first_error = None;
    while let Some((path, moved)) = moves.next().await {
        match moved {
            Ok(bytes) => {
                summary.files += 1;
                summary.bytes += bytes;
                bar.set_message(format!("{what} {}/{total}", summary.files));
            }
            Err(error @ Error::Unreachable { .. }) => {
                bar.finish_and_clear();
                let so_far = format!("{path}, after {} of {total} files", summary.files);
                return Err(anyhow::Error::new(error).context(so_far));
            }
            Err(error) => {
                let message = error.to_string();
                summary.failed.push(Failure { path, message });
                first_error.get_or_insert(error);
            }
        }
    }
    bar.finish_and_clear();
    let took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    context.out.answer(&summary, summary.line(took_us))?;
    match first_error {
        Some(first) => Err(anyhow::Error::new(first).context(summary.failures(total))),
        None => Ok(()),
    }
}

impl Summary {
    fn line(&self, took_us: u64) -> String {
        let (files, size) = (count(self.files), show_size(self.bytes));
        format!("{files}, {size} in {}", show_us(took_us))
    }

    fn failures(&self, total: usize) -> String {
        let mut text = format!("{} of {total} files failed:", self.failed.len());
        for Failure { path, message } in &self.failed {
            text += &format!("\n  {path}: {message}");
        }
        text
    }
}
