//! Packages, as pip finds them.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::cli::Context;
use crate::exit::Local;

/// The version that packages are chosen for: that of the server's Python.
const PYTHON: &str = "3.13";

/// What pip says where it finds nothing that fits.
const NOTHING_FITS: &str = "No matching distribution found for ";

/// Installs what the file `requirements` in `dir` asks for to `target`: wheels of pure Python,
/// and nothing that would have to be built or run here.
pub fn install(
    context: &Context,
    dir: &Path,
    requirements: &str,
    target: &Path,
) -> anyhow::Result<()> {
    context
        .out
        .note(format_args!("fetching the packages of {requirements} …"));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--requirement", requirements]);
    pip.arg("--target").arg(target).current_dir(dir);
    // A wheel of native code has a tag that is none of these.
    pip.args(["--only-binary=:all:", "--platform", "any", "--abi", "none"]);
    pip.args(["--implementation", "py", "--python-version", PYTHON]);
    pip.args(["--no-compile", "--no-input", "--progress-bar", "off"]);
    pip.arg("--disable-pip-version-check");
    let output = pip.output().map_err(|error| not_there(&error))?;
    let said = String::from_utf8_lossy(&output.stderr);
    context.out.detail(String::from_utf8_lossy(&output.stdout));
    context.out.detail(&said);
    match output.status.success() {
        true => Ok(()),
        false => Err(failure(&said).into()),
    }
}

fn not_there(error: &io::Error) -> Local {
    no_pip(format!("python3 does not start: {error}"))
}

fn no_pip(message: String) -> Local {
    Local {
        code: "pip",
        message: format!("pip is needed to fetch packages, and {message}"),
        hint: "install Python 3 with pip (Debian: apt install python3-pip), or put the packages \
               into the directory yourself and leave out requirements.txt"
            .into(),
    }
}

/// What a failure of pip means here.
fn failure(said: &str) -> Local {
    if said.contains("No module named pip") {
        return no_pip("this machine's python3 has none".into());
    }
    let mut errors = said.lines().filter_map(|line| line.strip_prefix("ERROR: "));
    let unreachable = said.contains("Retrying (") || said.contains("connection");
    let nothing = errors.clone().find_map(nothing_fits);
    let other_versions = !said.contains("(from versions: none)");
    if let (Some(package), false, false) = (nothing, unreachable, other_versions) {
        return Local {
            code: "packages",
            message: format!(
                "there is no package {package} of pure Python, for Python {PYTHON}: packages with \
                 native code do not run yet"
            ),
            hint: format!(
                "check the name; of a package that is only published as source, `pip wheel \
                 {package} -w wheels` makes a wheel, which `--find-links wheels` in \
                 requirements.txt finds"
            ),
        };
    }
    let first = errors.next().or(said.lines().next_back());
    Local {
        code: "packages",
        message: format!(
            "pip cannot fetch the packages: {}",
            first.unwrap_or("it said nothing")
        ),
        hint: match unreachable {
            true => "the package index is not reachable from here".into(),
            false => "`-v` shows all that pip says".into(),
        },
    }
}

/// The package that pip finds nothing for.
fn nothing_fits(error: &str) -> Option<&str> {
    let requirement = error.strip_prefix(NOTHING_FITS)?;
    requirement.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_native_code_is_named() {
        let said = "ERROR: Could not find a version that satisfies the requirement numpy==2.1 (from versions: none)\n\
                    ERROR: No matching distribution found for numpy==2.1\n";
        let Local { message, code, .. } = failure(said);
        assert!(message.contains("numpy==2.1 of pure Python"), "{message}");
        assert_eq!(code, "packages");
        let offline = format!("WARNING: Retrying (Retry(total=4)) after connection broken\n{said}");
        let Local { message, hint, .. } = failure(&offline);
        assert!(
            !message.contains("native") && hint.contains("reachable"),
            "{message}"
        );
    }

    #[test]
    fn without_pip_it_says_how_to_get_it() {
        let none = failure("/usr/bin/python3: No module named pip\n");
        assert!(none.code == "pip" && none.hint.contains("python3-pip"));
        let odd = failure("WARNING: x\nERROR: Invalid requirement: '!'\n");
        assert!(
            odd.message.ends_with("Invalid requirement: '!'"),
            "{}",
            odd.message
        );
        let said = "ERROR: Could not find a version of a==9 (from versions: 1.0)\n\
                    ERROR: No matching distribution found for a==9\n";
        let Local { message, .. } = failure(said);
        assert!(message.contains("(from versions: 1.0)"), "{message}");
    }
}
