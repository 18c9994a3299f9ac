//! `faasm func inspect`

use faasm_client::{FunctionInfo, FunctionKind, Image};
use faasm_model::FunctionName;

use super::{NameArgs, limits};
use crate::cli::Context;
use crate::units::{show_moment, show_size};

const EXAMPLES: &str = "\
Examples:
  faasm func inspect demo hello
  faasm func inspect demo hello --format json";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    name: NameArgs,
}

impl Args {
    pub async fn run(self, context: &Context, kind: FunctionKind) -> anyhow::Result<()> {
        let name = FunctionName::from(self.name);
        let info = context.client()?.function_info(kind, &name).await?;
        context.out.answer(&info, describe(&info))?;
        Ok(())
    }
}

fn show_image(image: &Image) -> String {
    format!(
        "{}, in a memory of {}",
        show_size(image.bytes),
        show_size(image.memory_bytes)
    )
}

fn describe(info: &FunctionInfo) -> String {
    let record = &info.record;
    format!(
        "function       {}/{}\nsize           {} ({} bytes)\nhash           {}\nuploaded       {}\nimage          {}\n{}",
        record.user,
        record.function,
        show_size(record.size),
        record.size,
        record.hash,
        show_moment(record.uploaded_at_ms),
        info.image
            .as_ref()
            .map_or_else(|| "none".to_owned(), show_image),
        limits::describe(info),
    )
}
