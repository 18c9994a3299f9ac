//! Collects the sources of the Python runtime, which the program carries.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Files and directories that building a runtime needs, from the root of the repository.
const ROOTS: [&str; 4] = [
    "scripts/install-deps",
    "scripts/python",
    "sdk/c/include",
    "sdk/python",
];

/// What is made of the sources or checks them.
const LEFT_OUT: [&str; 4] = ["__pycache__", "build", "dist", "tests"];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let mut files = Vec::new();
    for path in ROOTS {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
        collect(&root.join(path), &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let path = file.strip_prefix(&root).map_err(io::Error::other)?;
        let (path, file) = (path.display(), file.display());
        code += &format!(
            "    ({:?}, include_bytes!({:?})),\n",
            path.to_string(),
            file.to_string()
        );
    }
    code += "]\n";
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(PathBuf::from(out).join("sources.rs"), code)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let made = name.starts_with('.') || name.ends_with(".egg-info");
        // The script of the tests' build is no directory.
        let left_out = entry.file_type()?.is_dir() && LEFT_OUT.contains(&name.as_str());
        if !made && !left_out {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
