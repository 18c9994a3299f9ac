//! `faasm python remove`

use faasm_python::Store;
use serde_json::json;

use crate::cli::Context;

const EXAMPLES: &str = "\
Examples:
  faasm python remove 0123456789abcdef
  faasm python remove --all";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(after_help = "\
`faasm python info` lists what is installed. Servers that have started go on with what they
have open; stop them first if they are to use another runtime.")]
pub struct Args {
    /// Its id: what its directory's name ends with
    #[arg(required_unless_present = "all")]
    id: Option<String>,

    /// All that this user installed
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let store = Store::of_user()?;
        let ids = match self.id {
            Some(id) => vec![id],
            None => store.names()?,
        };
        let mut removed = Vec::new();
        for id in &ids {
            let dir = store.remove(id)?;
            if !context.out.is_json() {
                context
                    .out
                    .line(format_args!("removed {}", dir.display()))?;
            }
            removed.push(dir);
        }
        match context.out.is_json() {
            true => Ok(context.out.json(&json!({ "removed": removed }))?),
            false => Ok(()),
        }
    }
}
