//! `faasm completions`

use clap::ValueEnum;

use crate::cli::{self, Context};

const EXAMPLES: &str = "\
Examples:
  faasm completions bash > ~/.local/share/bash-completion/completions/faasm
  faasm completions zsh > ~/.zfunc/_faasm
  faasm completions fish > ~/.config/fish/completions/faasm.fish";

#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::command(), "faasm", &mut script);
        Ok(context.out.bytes(&script)?)
    }
}
