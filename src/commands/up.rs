//! `faasm up`

use std::path::PathBuf;

use faasm_client::FunctionKind;
use faasm_model::{Invocation, Target};
use faasm_toolchain::{Code, Project};

use super::func::put;
use super::input::InputArgs;
use super::{answer, build, py};
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
        let (client, name) = (context.client()?, project.name);
        let (kind, target, record) = match project.code {
            Code::Sources(options) => {
                let (kind, built) = (FunctionKind::Wasm, build::build(context, &options)?);
                let stored = put::upload(context, &client, kind, &name, built.output);
                (kind, Target::Wasm, stored.await?)
            }
            Code::Python => {
                let stored = py::put::store(context, &client, &name, &self.dir);
                (FunctionKind::Python, Target::PYTHON, stored.await?)
            }
        };
        context.out.note(put::describe(&record));
        let again = put::invocation(kind, &name);
        let call = Invocation {
            target,
            ..Invocation::new(name, input)
        };
        answer::print(context, client.invoke(&call).await?)?;
        context.out.next(again);
        Ok(())
    }
}
