//! `faasm python`: the runtime that Python functions run in.

mod info;
mod install;
mod pack;
mod remove;

use clap::Subcommand;
use faasm_python::Runtime;

use crate::cli::Context;
use crate::exit::Local;

const EXAMPLES: &str = "\
Examples:
  faasm python install
  faasm python info
  faasm python pack
  faasm python install --from cpython-3.13.5-0123456789abcdef.tar.gz";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
Runtimes are kept in python/ in FAASM_DATA_HOME, else in faasm/ in XDG_DATA_HOME or in
~/.local/share; one for all users can be in /usr/local/share/faasm or /usr/share/faasm.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the runtime, or take one from an archive
    Install(install::Args),
    /// Write the installed runtime to an archive
    Pack(pack::Args),
    /// Show the installed runtime, and whether it is whole
    Info(info::Args),
    /// Remove an installed runtime
    Remove(remove::Args),
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self.command {
            Command::Install(args) => args.run(context),
            Command::Pack(args) => args.run(context),
            Command::Info(args) => args.run(context),
            Command::Remove(args) => args.run(context),
        }
    }
}

/// The runtime that a server would find.
fn installed() -> anyhow::Result<Runtime> {
    Ok(Runtime::find()?.ok_or_else(|| Local {
        code: "python",
        message: "no Python runtime is installed".into(),
        hint: HOW_TO_INSTALL.into(),
    })?)
}

/// What to do where there is none.
pub const HOW_TO_INSTALL: &str = "`faasm python install` builds one, which takes minutes; \
`faasm python install --from ARCHIVE` takes one that was packed on another machine";

/// A runtime in a few words.
pub fn describe(runtime: &Runtime) -> String {
    let (name, version, id) = (runtime.name(), runtime.version(), runtime.id());
    format!("{name} {version} ({id})")
}
