//! `faasm invoke`

use faasm_client::IdempotencyKey;
use faasm_model::{FunctionName, Invocation, Name, Target, WorldSize};
use serde_json::json;

use super::answer;
use super::input::InputArgs;
use crate::cli::Context;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  faasm invoke demo hello
  faasm invoke demo echo -i 'some input'
  faasm invoke demo resize -f photo.jpg > small.jpg
  faasm invoke demo tool -- --verbose first second
  faasm invoke demo slow --async --wait
  faasm invoke --python demo report --entry summary
  faasm invoke --mpi 8 demo pi";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(
    after_help = "The function's stdout and then its output go to stdout, its stderr to stderr."
)]
pub struct Args {
    /// Whose function it is
    user: Name,

    /// Its name
    function: Name,

    /// Call the Python function of that name
    #[arg(long)]
    python: bool,

    /// The function of the Python file to run, if not faasm_main
    #[arg(long, value_name = "NAME", requires = "python")]
    entry: Option<Name>,

    /// Run the function as an MPI world of so many ranks
    #[arg(long, value_name = "N", conflicts_with = "python")]
    mpi: Option<WorldSize>,

    #[command(flatten)]
    input: InputArgs,

    /// What the function gets as its arguments
    #[arg(last = true, value_name = "ARG")]
    args: Vec<String>,

    /// The arguments in one text, split as a shell splits words
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "args",
        allow_hyphen_values = true
    )]
    cmdline: Option<String>,

    /// Print the call's id at once; the call survives a crash of the server
    #[arg(long = "async")]
    asynchronous: bool,

    /// Wait for the end of the call all the same
    #[arg(long, requires = "asynchronous")]
    wait: bool,

    /// Make no second call if one was made with this key before
    #[arg(long, value_name = "KEY", requires = "asynchronous")]
    idempotency_key: Option<String>,
}

impl Args {
    pub async fn run(self, context: &Context) -> anyhow::Result<()> {
        let client = context.client()?;
        let function = FunctionName {
            user: self.user,
            function: self.function,
        };
        let call = Invocation {
            target: match (self.python, self.mpi) {
                (true, _) => Target::Python { entry: self.entry },
                (false, Some(size)) => Target::Mpi { size },
                (false, None) => Target::Wasm,
            },
            args: match self.cmdline {
                Some(line) => split(&line)?,
                None => self.args,
            },
            ..Invocation::new(function, self.input.read()?)
        };
        if !self.asynchronous {
            return answer::print(context, client.invoke(&call).await?);
        }
        let key = self
            .idempotency_key
            .as_deref()
            .map(IdempotencyKey::new)
            .transpose()?;
        let id = client.invoke_async(&call, key.as_ref()).await?;
        if self.wait {
            context.out.note(format_args!("waiting for call {id}"));
            return answer::print(context, client.wait(id).await?);
        }
        context.out.answer(&json!({ "id": id }), id)?;
        context.out.next(format_args!("faasm status {id} --wait"));
        Ok(())
    }
}

fn split(line: &str) -> Result<Vec<String>, Usage> {
    shlex::split(line).ok_or_else(|| Usage("--cmdline has a quote that is not closed".into()))
}
