//! `faasm up`

use std::path::PathBuf;

use faasm_model::Invocation;
use faasm_toolchain::Project;

use super::func::put;
use super::input::InputArgs;
use super::{answer, build};
use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm up hello
  faasm up . -i 'some input'";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The project: a directory with a function.toml
    #[arg(default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    input: InputArgs,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let project = Project::load(&self.dir)?;
        let input = self.input.read()?;
        let built = build::build(context, &project.build)?;
        let client = context.client()?;
        let record = put::upload(context, &client, &project.name, built.output).await?;
        context.out.note(put::describe(&record));
        let name = project.name;
        let again = format!("faasm invoke {} {}", name.user, name.function);
        answer::print(context, client.invoke(&Invocation::new(name, input)).await?)?;
        context.out.next(again);
        Ok(())
    }
}
