//! The verbs, one a file.

mod answer;
mod build;
mod calls;
mod cancel;
mod completions;
mod doctor;
mod file;
mod flush;
mod func;
mod graph;
mod input;
mod invoke;
mod list;
mod new;
mod py;
mod python;
mod serve;
mod state;
mod status;
mod token;
mod transfer;
mod up;
mod workers;

use std::future::Future;

use clap::Subcommand;

use crate::cli::Context;

/// What `faasm` can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(Box<serve::Args>),
    /// Store functions and look at them
    Func(func::Args),
    /// Store Python functions and look at them
    Py(py::Args),
    /// Set state and look at it
    State(state::Args),
    /// Share files and look at them
    File(file::Args),
    /// Call a function
    Invoke(invoke::Args),
    /// Show how a call stands
    Status(status::Args),
    /// List calls, newest first
    Calls(calls::Args),
    /// End a call and the calls it made
    Cancel(cancel::Args),
    /// Show the tree of calls that a call made
    Graph(graph::Args),
    /// Make, list and revoke tokens
    Token(token::Args),
    /// List the servers of the cluster
    Workers(workers::Args),
    /// Make the server drop what it caches
    Flush(flush::Args),
    /// Start a project
    New(new::Args),
    /// Compile C or C++ to WebAssembly
    Build(build::Args),
    /// Build a project, store it and call it
    Up(up::Args),
    /// Install the runtime of Python functions
    Python(python::Args),
    /// Check this machine and the server
    Doctor(doctor::Args),
    /// Print a shell's completions
    Completions(completions::Args),
}

impl Command {
    /// Does it.
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Serve(args) => args.run(context),
            Self::Func(args) => wait(args.run(context)),
            Self::Py(args) => wait(args.run(context)),
            Self::State(args) => wait(args.run(context)),
            Self::File(args) => wait(args.run(context)),
            Self::Invoke(args) => wait(args.run(context)),
            Self::Status(args) => wait(args.run(context)),
            Self::Calls(args) => wait(args.run(context)),
            Self::Cancel(args) => wait(args.run(context)),
            Self::Graph(args) => wait(args.run(context)),
            Self::Token(args) => wait(args.run(context)),
            Self::Workers(args) => wait(args.run(context)),
            Self::Flush(args) => wait(args.run(context)),
            Self::New(args) => args.run(context),
            Self::Build(args) => args.run(context),
            Self::Up(args) => wait(args.run(context)),
            Self::Python(args) => args.run(context),
            Self::Doctor(args) => wait(args.run(context)),
            Self::Completions(args) => args.run(context),
        }
    }
}

/// Runs a verb that talks to a server; one thread is plenty for that.
fn wait(verb: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    let done = runtime.block_on(verb);
    // A read of standard input may still wait for somebody to type.
    runtime.shutdown_background();
    done
}
