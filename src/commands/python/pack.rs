//! `faasm python pack`

use std::path::PathBuf;

use serde_json::json;

use super::{describe, installed};
use crate::cli::Context;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm python pack
  faasm python pack runtime.tar.gz";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Its SHA-256 checksum goes to OUT.sha256. The same runtime always makes the same bytes.")]
pub struct Args {
    /// Where the archive goes, if not to NAME-VERSION-ID.tar.gz here
    #[arg(value_name = "OUT")]
    out: Option<PathBuf>,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let runtime = installed()?;
        let path = match self.out {
            Some(dir) if dir.is_dir() => dir.join(runtime.archive_name()),
            Some(file) => file,
            None => runtime.archive_name().into(),
        };
        context
            .out
            .detail(format_args!("packing {}", describe(&runtime)));
        let packed = runtime.pack(&path)?;
        let (shown, sha256) = (packed.path.display(), packed.sha256.to_string());
        let text = format!("{shown}: {}, SHA-256 {sha256}", show_size(packed.size));
        let json = json!({
            "path": packed.path,
            "id": runtime.id(),
            "size": packed.size,
            "sha256": sha256,
        });
        context.out.answer(&json, text)?;
        context
            .out
            .next(format_args!("faasm python install --from {shown}"));
        Ok(())
    }
}
