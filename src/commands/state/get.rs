//! `faasm state get`

use std::path::PathBuf;

use faasm_client::ByteRange;
use faasm_model::StateKey;
use serde_json::json;

use super::{KeyArgs, elements};
use crate::cli::Context;
use crate::commands::transfer;
use crate::exit::Usage;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm state get demo counter
  faasm state get demo weights -o weights.bin
  faasm state get demo weights --range 0-15 | xxd
  faasm state get demo log --elements";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    key: KeyArgs,

    /// Where the bytes go, if not to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only these bytes: 2-5 (both included), 2- (to the end), -3 (the last 3)
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    range: Option<ByteRange>,

    /// The appended elements one behind the other, instead of the value
    #[arg(long, conflicts_with_all = ["output", "range"])]
    elements: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let key = StateKey::from(self.key);
        if self.elements {
            return elements::print(context, &key).await;
        }
        let out = &context.out;
        if self.output.is_none() && out.is_json() {
            return Err(Usage("with --format json, the bytes need a file: -o FILE".into()).into());
        }
        let download = context.client()?.get_state(&key, self.range).await?;
        let Some(path) = self.output else {
            return transfer::print(context, download, "use -o FILE").await;
        };
        let version = download.version();
        let size = transfer::save(context, download, &path).await?;
        let text = format!("{}: {}", path.display(), show_size(size));
        let json = json!({ "path": path, "size": size, "version": version });
        Ok(out.answer(&json, text)?)
    }
}
