//! The line that an error is about.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path};

use faasm_client::{Error, Position};

/// More of a file is not read.
const MAX_BYTES: u64 = 64 << 20;

/// Longest line that is shown, in characters.
const MAX_LINE: usize = 200;

/// Adds the line that `error` is about, with a mark below the place. It is one of `main`, or of
/// the file beside it that the error names.
pub fn add(error: anyhow::Error, main: &Path) -> anyhow::Error {
    let Some(Error::Refused {
        position: Some(position),
        message,
        ..
    }) = error.downcast_ref()
    else {
        return error;
    };
    let file = match other_file(message) {
        Some(other) => main.with_file_name(other),
        None => main.to_owned(),
    };
    let Some(excerpt) = line(&file, position.line).and_then(|line| mark(&line, *position)) else {
        return error;
    };
    let text = format!("{message}\n{}:{}\n{excerpt}", file.display(), position.line);
    error.context(text)
}

/// The file of an archive that an error names, if it is not the main one: `… (in a/b.py) …`.
fn other_file(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once(" (in ")?;
    let (path, _) = rest.split_once(')')?;
    let is_below = |part: Component| matches!(part, Component::Normal(_));
    Path::new(path).components().all(is_below).then_some(path)
}

fn line(file: &Path, number: u32) -> Option<String> {
    let text = BufReader::new(File::open(file).ok()?.take(MAX_BYTES));
    let mut lines = text.lines().skip(number.checked_sub(1)? as usize);
    lines.next()?.ok()
}

/// The line, and a caret under its column.
fn mark(
    line: &str,
    Position {
        line: number,
        column,
    }: Position,
) -> Option<String> {
    let line = line.trim_start_matches('\u{feff}').trim_end();
    let shown: String = line.chars().take(MAX_LINE).collect();
    let number = number.to_string();
    let first = format!("  {number} | {shown}");
    let before = column?.checked_sub(1)? as usize;
    if before > shown.chars().count() {
        return Some(first);
    }
    // Tabs stay tabs, so that the caret is below what it marks however wide they are.
    let blank = |c| if c == '\t' { '\t' } else { ' ' };
    let indent: String = shown.chars().take(before).map(blank).collect();
    let margin = " ".repeat(number.len());
    Some(format!("{first}\n  {margin} | {indent}^"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, line_number: u32, column: u32) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let position = Position {
            line: line_number,
            column: Some(column),
        };
        mark(&line(file.path(), line_number)?, position)
    }

    #[test]
    fn the_caret_is_below_the_column_in_characters() {
        let text = "x = 1\r\n\tä = (\r\n";
        assert_eq!(marked(text, 2, 6).unwrap(), "  2 | \tä = (\n    | \t    ^");
        assert_eq!(marked("a\n", 1, 2).unwrap(), "  1 | a\n    |  ^");
    }

    #[test]
    fn what_is_not_in_the_file_is_not_marked() {
        assert_eq!(marked("a\n", 2, 1), None);
        assert_eq!(marked("a\n", 1, 9).unwrap(), "  1 | a");
        assert_eq!(marked("a\n", 0, 1), None);
    }

    #[test]
    fn another_file_is_named_by_the_message() {
        let message = "invalid syntax (in package/a.py) (line 3, column 2)";
        assert_eq!(other_file(message), Some("package/a.py"));
        assert_eq!(other_file("'(' was never closed (line 3, column 2)"), None);
        assert_eq!(other_file("x (in ../a.py) (line 1)"), None);
        assert_eq!(other_file("x (in /etc/passwd) (line 1)"), None);
    }

    #[test]
    fn an_error_keeps_what_it_is_under_its_excerpt() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "def f(:\n").unwrap();
        let refused = Error::Refused {
            status: 422,
            code: "python_syntax_error".into(),
            message: "invalid syntax".into(),
            hint: None,
            position: Some(Position {
                line: 1,
                column: Some(7),
            }),
            retry_after: None,
        };
        let error = add(refused.into(), file.path());
        assert!(
            error
                .to_string()
                .ends_with(":1\n  1 | def f(:\n    |       ^")
        );
        assert!(error.chain().any(|cause| cause.is::<Error>()));
    }
}
