//! Directories as archives.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use super::pip;
use super::zip::ZipWriter;
use crate::cli::Context;
use crate::commands::file::local::{Tree, io_error};
use crate::exit::Local;
use crate::units::show_size;

/// The file that makes a directory a function.
pub const MAIN: &str = "function.py";

const REQUIREMENTS: &str = "requirements.txt";

/// Files by their names in the archive.
type Files = BTreeMap<String, PathBuf>;

/// An archive of the directory `source` and of the packages that it asks for. Equal files
/// make equal archives.
pub fn pack(context: &Context, source: &Path) -> anyhow::Result<NamedTempFile> {
    if !source.join(MAIN).is_file() {
        let message = format!("{} has no {MAIN}, where functions begin", source.display());
        let hint = "`faasm new python DIR` makes a directory that has one";
        return Err(local("no_main", message, hint));
    }
    let mut files = files_of(source)?;
    let packages = packages(context, source)?;
    if let Some(packages) = &packages {
        add_packages(&mut files, packages.path())?;
    }
    let archive = NamedTempFile::new()?;
    let mut zip = ZipWriter::new(BufWriter::new(archive.as_file()));
    for (name, path) in &files {
        let bytes = fs::read(path).map_err(io_error(path))?;
        zip.add(name, &bytes).map_err(io_error(path))?;
    }
    let written = zip.finish().and_then(|mut out| out.flush());
    written.map_err(io_error(archive.path()))?;
    let size = archive.as_file().metadata()?.len();
    context.out.note(format_args!(
        "packed {} files, {}",
        files.len(),
        show_size(size)
    ));
    Ok(archive)
}

/// What pip installs for the directory, if that asks for anything.
fn packages(context: &Context, source: &Path) -> anyhow::Result<Option<TempDir>> {
    let path = source.join(REQUIREMENTS);
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).map_err(io_error(&path))?;
    let asks = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().any(asks) {
        return Ok(None);
    }
    let target = tempfile::tempdir()?;
    pip::install(context, source, REQUIREMENTS, target.path())?;
    Ok(Some(target))
}

/// Puts packages beside the directory's own files.
fn add_packages(files: &mut Files, packages: &Path) -> anyhow::Result<()> {
    for (name, path) in files_of(packages)? {
        // Programs that packages bring: there is nothing to run them.
        if name.starts_with("bin/") {
            continue;
        }
        if files.contains_key(&name) {
            let message = format!("{name} is in the directory, and in a package that it asks for");
            let hint = "give the file another name, or leave the package out of requirements.txt";
            return Err(local("package_conflict", message, hint));
        }
        files.insert(name, path);
    }
    Ok(())
}

/// All files below `root` that functions can use, and may be published.
fn files_of(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for file in Tree::scan(root)?.files {
        let Some(name) = file.below.to_str() else {
            let message = format!("{:?} has a name that is not UTF-8", file.path);
            return Err(local("file", message, "rename the file"));
        };
        if is_wanted(name) {
            file.size?;
            files.insert(name.to_owned(), file.path);
        }
    }
    Ok(files)
}

fn is_wanted(name: &str) -> bool {
    let made = name.ends_with(".pyc") || name.split('/').any(|part| part == "__pycache__");
    let hidden = name.split('/').any(|part| part.starts_with('.'));
    !made && !hidden
}

fn local(code: &'static str, message: String, hint: &str) -> anyhow::Error {
    let hint = hint.to_owned();
    Local {
        code,
        message,
        hint,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_or_made_of_something_else_stays_here() {
        for wanted in ["function.py", "a/b.json", "tests/x.py", "pyc", "a.b/c"] {
            assert!(is_wanted(wanted), "{wanted}");
        }
        for unwanted in [
            ".env",
            ".git/config",
            "a/.venv/x.py",
            "__pycache__/x",
            "a/__pycache__/x.pyc",
            "old.pyc",
        ] {
            assert!(!is_wanted(unwanted), "{unwanted}");
        }
    }

    #[test]
    fn a_package_never_takes_the_place_of_an_own_file() {
        let (own, packages) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(packages.path().join("bin")).unwrap();
        for (dir, name) in [(&own, "a.py"), (&packages, "b.py"), (&packages, "bin/tool")] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let mut files = files_of(own.path()).unwrap();
        add_packages(&mut files, packages.path()).unwrap();
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a.py", "b.py"]);
        fs::write(packages.path().join("a.py"), "").unwrap();
        let error = add_packages(&mut files, packages.path()).unwrap_err();
        assert!(error.to_string().contains("a.py"), "{error}");
    }
}
