//! `faasm new`

use std::path::PathBuf;

use clap::ValueEnum;
use faasm_model::{FunctionName, Name};
use faasm_toolchain::Template;
use serde_json::json;

use crate::cli::Context;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  faasm new c hello
  faasm new cpp shapes --user demo --name shapes
  faasm new python report";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The language
    #[arg(value_enum)]
    language: Language,

    /// The project's directory; it must be empty or not there yet
    dir: PathBuf,

    /// Whose function it will be
    #[arg(long, default_value = "demo")]
    user: Name,

    /// The function's name, if not the directory's
    #[arg(long, value_name = "FUNCTION")]
    name: Option<Name>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    C,
    Cpp,
    Python,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let function = match self.name {
            Some(name) => name,
            None => name_of(&self.dir)?,
        };
        let name = FunctionName {
            user: self.user,
            function,
        };
        let template = match self.language {
            Language::C => Template::C,
            Language::Cpp => Template::Cpp,
            Language::Python => Template::Python,
        };
        template.write(&self.dir, &name)?;
        let dir = self.dir.display();
        let json = json!({ "dir": self.dir, "user": name.user, "function": name.function });
        context.out.answer(&json, &dir)?;
        context.out.next(format_args!("faasm up {dir}"));
        Ok(())
    }
}

/// The last part of the path, as a name.
fn name_of(dir: &std::path::Path) -> Result<Name, Usage> {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let last = absolute
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    Name::new(last).map_err(|error| {
        Usage(format!(
            "{last:?} cannot name a function ({error}): choose one with --name"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_named_after_its_directory() {
        assert_eq!(name_of("a/b/hello".as_ref()).unwrap().as_str(), "hello");
        assert!(name_of("a/b c".as_ref()).unwrap_err().0.contains("--name"));
        assert!(name_of("/".as_ref()).is_err());
    }
}
