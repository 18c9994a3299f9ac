//! Reading documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A code block of a document.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    /// Where its text begins.
    pub(super) line: usize,
    /// What follows the three backticks.
    pub(super) mark: String,
    pub(super) text: String,
}

impl Block {
    /// The file that the block is the content of.
    pub(super) fn file(&self) -> Option<&str> {
        let name = self.mark.split_whitespace().nth(1)?;
        (name != "ignore").then_some(name)
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(document: &str) -> String {
    let path = root().join(document);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All documents, as paths from the root of the repository.
pub(super) fn documents() -> Vec<String> {
    let markdown = |dir: &str| {
        let entries = fs::read_dir(root().join(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let paths = names.filter(|name| name.ends_with(".md"));
        paths
            .map(|name| Path::new(dir).join(name).display().to_string())
            .collect::<Vec<_>>()
    };
    [
        markdown(""),
        markdown("docs"),
        markdown("examples"),
        markdown("sdk/c"),
    ]
    .concat()
}

pub(super) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    // The indentation of the fence, and the block that it opened.
    let mut open: Option<(usize, Block)> = None;
    for (index, line) in document.lines().enumerate() {
        let content = line.trim_start();
        match (&mut open, content.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(_, block)| block)),
            (Some((indent, block)), None) => {
                block.text += line.get(*indent..).unwrap_or_default();
                block.text.push('\n');
            }
            (None, Some(mark)) => {
                let mark = mark.trim().to_owned();
                let block = Block {
                    line: index + 2,
                    mark,
                    text: String::new(),
                };
                open = Some((line.len() - content.len(), block));
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// The targets of a document's links.
pub(super) fn links(document: &str) -> Vec<String> {
    let prose = without_blocks(document);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// A document's headings as forges make anchors of them.
pub(super) fn anchors(document: &str) -> BTreeSet<String> {
    let prose = without_blocks(document);
    let headings = prose
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#'));
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |heading: &str| -> String {
        heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|&c| kept(c))
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

fn without_blocks(document: &str) -> String {
    let parts = document.split("```").step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

#[test]
fn blocks_are_found_with_their_marks_and_patterns_stand_for_anything() {
    let found = blocks("a\n```c x.c\nint x;\n```\n\n- b\n\n  ```sh ignore\n  ls\n  ```\n");
    let files: Vec<_> = found
        .iter()
        .map(|block| (block.file(), block.text.as_str()))
        .collect();
    assert_eq!(files, [(Some("x.c"), "int x;\n"), (None, "ls\n")]);
    assert!(matches("a…c", "abbc") && matches("…", "") && matches("a…b…c", "a\nb\nc"));
    assert!(!matches("a…c", "abcd") && !matches("abc", "abcd") && !matches("a…b…c", "acb"));
}
