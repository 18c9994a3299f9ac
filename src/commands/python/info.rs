//! `faasm python info`

use faasm_python::{Part, Runtime, Store};
use serde_json::{Map, Value, json};

use super::{describe, installed};
use crate::cli::Context;
use crate::units::show_size;

const EXAMPLES: &str = "\
Examples:
  faasm python info
  faasm python info --format json";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
This reads all files of the runtime. The exit code is 5 if there is none, or it is damaged.")]
pub struct Args {}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let runtime = installed()?;
        let verified = runtime.verify();
        let others = others(&runtime)?;
        if context.out.is_json() {
            context.out.json(&json!({
                "path": runtime.dir(),
                "id": runtime.id(),
                "name": runtime.name(),
                "version": runtime.version(),
                "source": runtime.source(),
                "files": sizes(&runtime),
                "whole": verified.is_ok(),
                "others": others,
            }))?;
        } else {
            let line =
                |name: &str, value: &str| context.out.line(format_args!("{name:<12} {value}"));
            line("runtime", &describe(&runtime))?;
            line("path", &runtime.dir().display().to_string())?;
            for part in Part::ALL {
                line(part.file_name(), &show_size(runtime.size(part)))?;
            }
            for other in &others {
                line("also", other)?;
            }
            if verified.is_ok() {
                line("whole", "yes")?;
            }
        }
        Ok(verified?)
    }
}

/// Of each file, in bytes.
fn sizes(runtime: &Runtime) -> Map<String, Value> {
    let size = |part: Part| (part.file_name().to_owned(), runtime.size(part).into());
    Part::ALL.into_iter().map(size).collect()
}

/// The names of what else the user installed.
fn others(found: &Runtime) -> anyhow::Result<Vec<String>> {
    // Without a home, this is one of the system's.
    let Ok(store) = Store::of_user() else {
        return Ok(Vec::new());
    };
    let mut names = store.names()?;
    names.retain(|name| found.dir().file_name() != Some(name.as_ref()));
    Ok(names)
}
