//! From what was uploaded to a WebAssembly binary.

use std::borrow::Cow;

use crate::refusal::Refusal;

/// Longest WebAssembly text; the text format is for trying things.
const MAX_TEXT: usize = 16 << 20;

const MAGIC: &[u8] = b"\0asm";
const CORE_VERSION: &[u8] = &[1, 0, 0, 0];

/// What the first bytes of an upload say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Binary,
    Text,
}

/// Tells a binary from text, and refuses what is neither.
pub(crate) fn format(bytes: &[u8]) -> Result<Format, Refusal> {
    if let Some(version) = bytes.strip_prefix(MAGIC) {
        return match version.get(..4) {
            Some(CORE_VERSION) => Ok(Format::Binary),
            Some([_, _, 1, 0]) => Err(Refusal::Component),
            Some(_) => Err(Refusal::Invalid("its version is unknown".into())),
            None => Err(Refusal::Invalid("it ends within its header".into())),
        };
    }
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    match first {
        Some(b'(' | b';') => Ok(Format::Text),
        Some(_) => Err(Refusal::Invalid(
            "it does not begin with `\\0asm`, and is not WebAssembly text either".into(),
        )),
        None => Err(Refusal::Invalid("it is empty".into())),
    }
}

/// The binary of a module given as binary or text.
pub(crate) fn to_binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    match format(bytes)? {
        Format::Binary => Ok(Cow::Borrowed(bytes)),
        Format::Text if bytes.len() > MAX_TEXT => Err(Refusal::Text(format!(
            "it has {} bytes, of at most {MAX_TEXT}; upload the binary instead",
            bytes.len()
        ))),
        Format::Text => {
            let text = std::str::from_utf8(bytes)
                .map_err(|e| Refusal::Text(format!("it is not UTF-8: {e}")))?;
            let binary = wat::parse_str(text).map_err(|e| Refusal::Text(one_line(&e)))?;
            // There is text of components, too.
            format(&binary)?;
            Ok(Cow::Owned(binary))
        }
    }
}

/// Reads a refusal off wasmtime's error.
pub(crate) fn refusal(error: &wasmtime::Error) -> Refusal {
    let text = one_line(&format!("{error:#}"));
    // The pool's checks speak of sizes that "exceed the limit".
    if text.contains("exceeds the") || text.contains("pooling allocat") {
        Refusal::TooLarge(text)
    } else {
        Refusal::Invalid(text)
    }
}

/// An error's text folded to one line, bounded.
fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_modules_components_text_and_rubbish_apart() {
        assert_eq!(format(b"\0asm\x01\0\0\0").unwrap(), Format::Binary);
        assert_eq!(format(b"  (module)").unwrap(), Format::Text);
        assert!(matches!(
            format(b"\0asm\x0d\0\x01\0"),
            Err(Refusal::Component)
        ));
        for rubbish in [&b""[..], b"\0asm", b"\x7fELF", b"  ", b"\0asm\x09\0\0\0"] {
            assert!(matches!(format(rubbish), Err(Refusal::Invalid(_))));
        }
    }

    #[test]
    fn the_text_of_a_component_is_refused_as_one() {
        let refused = to_binary(b"(component)");
        assert!(matches!(refused, Err(Refusal::Component)), "{refused:?}");
    }

    #[test]
    fn a_mistake_in_text_is_refused_on_one_line_with_its_place() {
        let error = to_binary(b"(module\n (func)").unwrap_err().to_string();
        assert!(error.contains("-->") && !error.contains('\n'), "{error}");
    }
}
