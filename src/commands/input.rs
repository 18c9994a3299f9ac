//! What a call is given.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use faasm_client::Error;

/// The input of a call: none, text or a file.
#[derive(Debug, clap::Args)]
pub struct InputArgs {
    /// Give the function this text as its input
    #[arg(
        short,
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    input: Option<String>,

    /// Give the function this file's bytes as its input; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl InputArgs {
    /// The bytes.
    pub fn read(self) -> anyhow::Result<Bytes> {
        match (self.input, self.file) {
            (Some(text), _) => Ok(text.into()),
            (None, Some(path)) if path == Path::new("-") => {
                let mut bytes = Vec::new();
                let stdin = std::io::stdin().lock().read_to_end(&mut bytes);
                stdin.context("reading standard input")?;
                Ok(bytes.into())
            }
            (None, Some(path)) => match std::fs::read(&path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(source) => Err(Error::Io { path, source }.into()),
            },
            (None, None) => Ok(Bytes::new()),
        }
    }
}
