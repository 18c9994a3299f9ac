//! Printing: data on stdout, everything else on stderr.

use std::fmt::{Arguments, Display};
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

// Without doc comments on the values, every verb's help stays compact.
/// How answers and errors are printed: for people, or for programs as one JSON document
/// on stdout, an error as `{"error":{"code","message","hint"}}` on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Colours of the few words that have one.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Good.
    Green,
    /// Doubtful.
    Yellow,
    /// Bad.
    Red,
    /// Helpful.
    Cyan,
}

/// Prints as the options say.
#[derive(Debug)]
pub struct Output {
    format: Format,
    quiet: bool,
    verbose: u8,
}

impl Output {
    /// Prints in `format`; `quiet` leaves only errors on stderr.
    pub fn new(format: Format, quiet: bool, verbose: u8) -> Self {
        Self {
            format,
            quiet,
            verbose,
        }
    }

    /// The format of answers and errors.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether answers are JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// An answer: `json` or `text`, whichever is asked for, and the end of the line.
    pub fn answer(&self, json: &impl Serialize, text: impl Display) -> io::Result<()> {
        match self.format {
            Format::Json => self.json(json),
            Format::Text => self.line(format_args!("{text}")),
        }
    }

    /// A line of text on stdout. What a server said cannot steer the terminal.
    pub fn line(&self, text: Arguments<'_>) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", printable(&text.to_string()))
    }

    /// A JSON document on stdout.
    pub fn json(&self, json: &impl Serialize) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, json)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// A line on stdout that opens with a coloured word.
    pub fn verdict(&self, word: &str, colour: Colour, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let word = paint(&format!("{word:<5}"), colour, &stdout);
        writeln!(stdout, "{word} {}", printable(text))
    }

    /// Exactly these bytes on stdout.
    pub fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Exactly these bytes on stderr.
    pub fn stderr_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        io::stderr().lock().write_all(bytes)
    }

    /// Something worth knowing, on stderr.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            say(&printable(&text.to_string()));
        }
    }

    /// Something worth knowing with `-v`.
    pub fn detail(&self, text: impl Display) {
        if self.verbose > 0 {
            self.note(text);
        }
    }

    /// The command to go on with.
    pub fn next(&self, command: impl Display) {
        if !self.is_json() {
            self.note(format_args!("next: {command}"));
        }
    }

    /// A failure, for people.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        let word = paint("error:", Colour::Red, &io::stderr());
        say(&format!("{word} {}", printable(message)));
        if let Some(hint) = hint {
            let word = paint("hint:", Colour::Cyan, &io::stderr());
            say(&format!("{word} {}", printable(hint)));
        }
    }

    /// A failure, for programs.
    pub fn error_json(&self, json: &serde_json::Value) {
        say(&json.to_string());
    }

    /// A bar that is drawn only for people at a terminal.
    pub fn progress(&self, what: &str) -> ProgressBar {
        let bar = match self.quiet || self.is_json() {
            true => ProgressBar::hidden(),
            // This target draws nothing where stderr is not a terminal.
            false => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
        };
        let style =
            ProgressStyle::with_template("{msg} {wide_bar} {binary_bytes}/{binary_total_bytes}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.with_message(what.to_owned())
    }
}

/// Colours `word` if it goes to a terminal and `NO_COLOR` is not set.
fn paint(word: &str, colour: Colour, to: &impl IsTerminal) -> String {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if unwanted || !to.is_terminal() {
        return word.to_owned();
    }
    let code = match colour {
        Colour::Green => 32,
        Colour::Yellow => 33,
        Colour::Red => 31,
        Colour::Cyan => 36,
    };
    format!("\x1b[1;{code}m{word}\x1b[0m")
}

/// Replaces what a terminal would obey.
fn printable(text: &str) -> String {
    let shown = |c| if steers(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Whether bytes are text in which there is nothing that a terminal would obey.
pub fn is_printable(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(steers))
}

fn steers(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

fn say(text: &str) {
    // With stderr closed there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\r\n\tc"), "a\u{fffd}[2Jb\u{fffd}\n\tc");
        assert!(is_printable("ä\n\tb".as_bytes()));
        assert!(!is_printable(b"a\x1b[2J") && !is_printable(b"\xff"));
    }
}
