//! Files of arguments: `@objects.rsp`.

use std::fs;
use std::path::Path;

use crate::Error;

/// How deep files of arguments may name others.
const DEPTH: usize = 16;

/// The arguments, with those in files in place of the files' names. As with other compilers, a
/// name that is no file's stays as it is.
pub(super) fn expanded(arguments: Vec<String>) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for argument in arguments {
        expand(argument, 0, &mut all)?;
    }
    Ok(all)
}

fn expand(argument: String, depth: usize, all: &mut Vec<String>) -> Result<(), Error> {
    let path = argument.strip_prefix('@').map(Path::new);
    let Some(path) = path.filter(|path| path.is_file()) else {
        all.push(argument);
        return Ok(());
    };
    if depth == DEPTH {
        return Err(Error::BadArguments {
            path: path.into(),
            reason: "it is named by too many others in turn".into(),
        });
    }
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    for word in words(&text) {
        expand(word, depth + 1, all)?;
    }
    Ok(())
}

/// The words of a file: separated by white space, with quotes and backslashes as GNU's tools
/// take them. What is open at the end is closed there.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => word.get_or_insert_default().extend(characters.next()),
            (_, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, None) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_in_other_compilers() {
        let text = "-O2 -I'a b'\n\"-DX=\\\"y\\\"\"\t a\\ b '' \"open";
        assert_eq!(
            words(text),
            ["-O2", "-Ia b", "-DX=\"y\"", "a b", "", "open"]
        );
    }

    #[test]
    fn files_name_files_and_what_is_none_stays() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        let outer = dir.path().join("outer");
        fs::write(&inner, "a.o b.o").unwrap();
        fs::write(&outer, format!("-s @{} c.o", inner.display())).unwrap();
        let arguments = vec![format!("@{}", outer.display()), "@nothing".into()];
        assert_eq!(
            expanded(arguments).unwrap(),
            ["-s", "a.o", "b.o", "c.o", "@nothing"]
        );
        fs::write(&inner, format!("@{}", inner.display())).unwrap();
        let endless = vec![format!("@{}", inner.display())];
        assert!(matches!(expanded(endless), Err(Error::BadArguments { .. })));
    }
}
