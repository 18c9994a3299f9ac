//! The command line: what all verbs have in common.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser};
use faasm_client::{Client, ClientOptions, Token, Url};

use crate::commands::Command;
use crate::exit;
use crate::exit::Local;
use crate::output::{Format, Output};

const EXAMPLES: &str = "\
Examples:
  faasm new c hello-world          start a function in C
  faasm up hello-world             build it, store it, call it
  faasm func put demo hello hello.wasm
  faasm invoke demo hello -i 'some input'
  faasm state get demo counter
  faasm file put -r books texts
  faasm doctor                     what is missing on this machine";

/// The variable with the token, and the one with its file's name.
const TOKEN: &str = "FAASM_TOKEN";
const TOKEN_FILE: &str = "FAASM_TOKEN_FILE";

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and the call succeeded
  1  the call failed
  2  wrong usage
  3  no faasm server was reached
  4  the server refused, or broke off an answer
  5  a problem on this machine: a file, a build, a tool";

/// Before the usage, what it is for and how it looks: examples are read first.
const HELP: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// A stateful WebAssembly serverless runtime in one binary
#[derive(Debug, Parser)]
#[command(name = "faasm", version, before_help = EXAMPLES, after_help = EXIT_CODES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// How answers, on stdout, and errors, on stderr, are printed
    #[arg(long, global = true, value_enum, default_value_t, env = "FAASM_FORMAT")]
    pub format: Format,

    /// Say more on stderr
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Where functions, state and files are stored
    #[arg(long, global = true, env = "FAASM_UPLOAD_URL", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:8002", value_parser = parse_url)]
    pub upload_url: Url,

    /// Where functions are called
    #[arg(long, global = true, env = "FAASM_INVOKE_URL", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:8080", value_parser = parse_url)]
    pub invoke_url: Url,

    /// A file with the token to send, unless FAASM_TOKEN has it
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Certificates, in PEM, of those who may vouch for the server [default: the machine's]
    #[arg(long, global = true, env = "FAASM_CA_CERT", value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
}

/// What a verb works with.
#[derive(Debug)]
pub struct Context {
    /// Where it prints.
    pub out: Output,
    /// The options of every verb.
    pub global: Global,
}

impl Context {
    /// A client of the server that the options name.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(ClientOptions {
            upload: self.global.upload_url.clone(),
            invoke: self.global.invoke_url.clone(),
            ca_cert: self
                .global
                .ca_cert
                .as_deref()
                .map(read_certificates)
                .transpose()?,
            token: token(self.global.token_file.as_deref())?,
            ..ClientOptions::default()
        })?)
    }
}

/// The token to send, if there is one. Never an option's value, which other users of the machine
/// could read in the list of processes.
fn token(file: Option<&Path>) -> anyhow::Result<Option<Token>> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let text = match (file, variable(TOKEN)) {
        (None, Some(text)) => text,
        (None, None) => match variable(TOKEN_FILE) {
            Some(path) => read_token(Path::new(&path))?,
            None => return Ok(None),
        },
        (Some(path), _) => read_token(path)?,
    };
    Ok(Some(Token::new(text.trim())?))
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let unreadable = |error| Local {
        code: "file",
        message: format!("cannot read the token in {}: {error}", path.display()),
        hint: "the file has the token and nothing else".into(),
    };
    Ok(std::fs::read_to_string(path).map_err(unreadable)?)
}

fn read_certificates(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = |error| Local {
        code: "file",
        message: format!(
            "cannot read the certificates in {}: {error}",
            path.display()
        ),
        hint: "--ca-cert, or FAASM_CA_CERT, names a PEM file".into(),
    };
    Ok(std::fs::read(path).map_err(unreadable)?)
}

/// The command line's definition, with the same layout of help for every verb.
pub fn command() -> clap::Command {
    lay_out(Cli::command())
}

/// Parses the command line and does what it says.
pub fn run() -> ExitCode {
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, command } = match parsed {
        Ok(cli) => cli,
        // This prints help and version as well, with exit code 0.
        Err(error) => error.exit(),
    };
    let out = Output::new(global.format, global.quiet, global.verbose);
    let context = Context { out, global };
    match command.run(&context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, &context.out),
    }
}

fn lay_out(command: clap::Command) -> clap::Command {
    command.help_template(HELP).mut_subcommands(lay_out)
}

/// Takes `host:port` for what it means.
fn parse_url(text: &str) -> Result<Url, String> {
    let full = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    match Url::parse(&full) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err("only http:// and https:// are spoken here".into()),
        Err(error) => Err(format!("{error}; it must look like http://host:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn an_address_needs_no_scheme() {
        assert_eq!(
            parse_url("localhost:81").unwrap().as_str(),
            "http://localhost:81/"
        );
        assert!(parse_url("https://localhost").is_ok());
        assert!(parse_url("ftp://localhost").is_err());
        assert!(parse_url("a b").is_err());
    }

    #[test]
    fn every_verb_shows_examples_before_its_usage() {
        fn check(command: &clap::Command) {
            for verb in command
                .get_subcommands()
                .filter(|verb| verb.get_name() != "help")
            {
                let help = verb.clone().render_long_help().to_string();
                let (examples, usage) = (help.find("Example"), help.find("Usage:"));
                assert!(examples.is_some() && examples < usage, "{help}");
                check(verb);
            }
        }
        check(&command());
    }
}
