//! `faasm python install`

use std::path::{Path, PathBuf};

use faasm_python::{Installed, Outcome, Sha256, Store};
use serde_json::json;

use super::describe;
use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm python install
  faasm python install --from runtime.tar.gz
  curl -sf https://example.com/runtime.tar.gz | faasm python install --from - --sha256 HEX";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Building takes minutes, a compiler and Debian's or Ubuntu's apt: what is missing is named. It
can be interrupted: the next time it goes on. Nothing is built if the installed runtime is
whole and made of the sources that this faasm has.

An archive is what `faasm python pack` wrote. Without --sha256 it must have the checksum in
ARCHIVE.sha256, if that file is there; and the files in it those of its manifest. If the
same runtime is installed already, damaged files of it are replaced.")]
pub struct Args {
    /// Take the runtime from an archive, `-` for standard input, or from a directory
    #[arg(long, value_name = "ARCHIVE")]
    from: Option<PathBuf>,

    /// The archive's SHA-256 checksum
    #[arg(long, value_name = "HEX", requires = "from")]
    sha256: Option<Sha256>,

    /// Build everything again, whatever is there already
    #[arg(long, conflicts_with = "from")]
    force: bool,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let out = &context.out;
        let mut say = |line: &str| out.note(line);
        let store = Store::of_user()?;
        let Installed { runtime, outcome } = match &self.from {
            None => store.build(self.force, &mut say)?,
            Some(path) if path == Path::new("-") => {
                let stdin = std::io::stdin().lock();
                store.install_stream("standard input", stdin, self.sha256, &mut say)?
            }
            Some(path) if path.is_dir() => store.install_dir(path, &mut say)?,
            Some(path) => store.install_archive(path, self.sha256, &mut say)?,
        };
        let (word, done) = match outcome {
            Outcome::Added => ("added", "installed"),
            Outcome::Kept => ("kept", "installed already:"),
            Outcome::Repaired => ("repaired", "repaired"),
        };
        out.note(format_args!("{done} {}", describe(&runtime)));
        let json = json!({
            "path": runtime.dir(),
            "id": runtime.id(),
            "name": runtime.name(),
            "version": runtime.version(),
            "outcome": word,
        });
        Ok(out.answer(&json, runtime.dir().display())?)
    }
}
