//! `faasm state put`

use faasm_client::{Condition, Source};
use faasm_model::StateKey;

use super::KeyArgs;
use crate::cli::Context;
use crate::commands::transfer::{SourceArgs, show};

const EXAMPLES: &str = "\
Examples:
  faasm state put demo weights weights.bin
  echo -n 0 | faasm state put demo counter - --if-absent
  faasm state put demo config config.json --if-version 17";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "The next access of any call finds the new value.")]
pub struct Args {
    #[command(flatten)]
    key: KeyArgs,

    #[command(flatten)]
    source: SourceArgs,

    /// Only if the value has this version
    #[arg(long, value_name = "VERSION", conflicts_with = "if_absent")]
    if_version: Option<u64>,

    /// Only if there is no value yet
    #[arg(long)]
    if_absent: bool,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let condition = match (self.if_version, self.if_absent) {
            (Some(version), _) => Condition::Version(version),
            (None, true) => Condition::Absent,
            (None, false) => Condition::Any,
        };
        let key = StateKey::from(self.key);
        let bar = context.out.progress(&format!("writing {key}"));
        let shown = bar.clone();
        let client = context.client()?;
        let put = client.put_state(
            &key,
            Source::from(self.source),
            condition,
            move |progress| {
                show(&shown, progress);
            },
        );
        let put = put.await;
        bar.finish_and_clear();
        let value = put?;
        let text = format!("{key}: {} bytes, version {}", value.size, value.version);
        Ok(context.out.answer(&value, text)?)
    }
}
