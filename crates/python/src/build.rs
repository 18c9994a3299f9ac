//! Building a runtime with the script that the program carries.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::find::cache_home;
use crate::sources::{CARRIED, Sources};
use crate::store::{Installed, Outcome, lock_file};
use crate::{Error, Store};

/// The script, in the sources.
pub(crate) const SCRIPT: &str = "scripts/python/build";

/// So much of what the script printed stands in the error.
const LAST_LINES: usize = 20;

impl Store {
    /// Builds a runtime from the sources in this program and installs it. Each line that
    /// the build prints goes to `say`.
    ///
    /// This takes minutes, the network and a compiler, except if the current runtime is
    /// made of these very sources and whole: then it is kept. A build that was
    /// interrupted goes on where it stopped; if it is to be `anew`, everything is made
    /// again.
    pub fn build(&self, anew: bool, say: &mut dyn FnMut(&str)) -> Result<Installed, Error> {
        if !anew && let Some(installed) = self.built_from(CARRIED) {
            return Ok(installed);
        }
        self.build_in(&cache_home()?, CARRIED, anew, say)
    }

    /// The current runtime, if it is made of these sources.
    fn built_from(&self, sources: Sources<'_>) -> Option<Installed> {
        // One that cannot be used is what building it mends.
        let runtime = self.current().ok()??;
        let same = runtime.source() == Some(sources.hash()) && runtime.verify().is_ok();
        same.then_some(Installed {
            runtime,
            outcome: Outcome::Kept,
        })
    }

    fn build_in(
        &self,
        cache: &Path,
        sources: Sources<'_>,
        anew: bool,
        say: &mut dyn FnMut(&str),
    ) -> Result<Installed, Error> {
        fs::create_dir_all(cache).map_err(Error::io("make", cache))?;
        let _lock = lock_file(&cache.join("python.lock"), || {
            say("waiting for another process that builds a Python runtime");
        })?;
        // Always at the same place, so that compiled files are the same, too.
        let dir = cache.join("python-sources");
        sources.unpack(&dir)?;
        let made = cache.join("python-runtime");
        let mut script = Command::new("bash");
        script.arg(dir.join(SCRIPT));
        script.args(anew.then_some("--clean")).arg(&made);
        script.env("FAASM_PYTHON_SOURCE", sources.hash().to_string());
        run(script, say)?;
        self.install_dir(&made, say)
    }
}

/// Runs the script to its end, and passes on what it prints.
fn run(mut script: Command, say: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let program = PathBuf::from(script.get_program());
    let start = || {
        let (output, input) = io::pipe()?;
        script.stdin(Stdio::null());
        script.stdout(input.try_clone()?).stderr(input);
        let child = script.spawn()?;
        // With it go this process's ends of the pipe, which would keep it open.
        drop(script);
        Ok((child, output))
    };
    let (mut child, output) = start().map_err(Error::io("run", &program))?;
    let mut last = VecDeque::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(Error::io("read the output of", &program))?;
        let line = String::from_utf8_lossy(&line).into_owned();
        say(&line);
        last.push_back(line);
        if last.len() > LAST_LINES {
            last.pop_front();
        }
    }
    let status = child.wait().map_err(Error::io("wait for", &program))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Build {
        how: status.to_string(),
        last: Vec::from(last).join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A script that makes a runtime of empty files, and says so.
    const MAKES_ONE: &str = r#"
        [ "$1" != --clean ] || { echo "all anew" >&2; shift; }
        echo "step 1/1, in $(basename "$1")"
        mkdir -p "$1" && cd "$1"
        for file in python.wasm lib.zip LICENSE; do : >$file; done
        empty='{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}'
        files="{\"python.wasm\":$empty,\"lib.zip\":$empty,\"LICENSE\":$empty}"
        echo "{\"name\":\"test\",\"version\":\"1\",\"abi\":2,\"source\":\"$FAASM_PYTHON_SOURCE\",\"files\":$files}" >manifest.json"#;

    fn build(home: &Path, script: &str, anew: bool) -> (Result<Installed, Error>, Vec<String>) {
        let files = [(SCRIPT, script.as_bytes())];
        let mut said = Vec::new();
        let store = Store::in_data_home(&home.join("data"));
        let built = store.build_in(&home.join("cache"), Sources(&files), anew, &mut |line| {
            // A process that another test is just starting holds, until it is another
            // program, a copy of this one's lock.
            if !line.starts_with("waiting for another process") {
                said.push(line.to_owned());
            }
        });
        (built, said)
    }

    #[test]
    fn what_the_script_makes_is_installed_and_known_by_its_sources() {
        let home = tempfile::tempdir().unwrap();
        let (built, said) = build(home.path(), MAKES_ONE, false);
        assert_eq!(built.unwrap().outcome, Outcome::Added);
        assert_eq!(said, ["step 1/1, in python-runtime"]);
        let store = Store::in_data_home(&home.path().join("data"));
        let files = [(SCRIPT, MAKES_ONE.as_bytes())];
        let known = store.built_from(Sources(&files)).unwrap();
        assert_eq!(known.outcome, Outcome::Kept);
        assert!(store.built_from(Sources(&[])).is_none());
        std::fs::write(known.runtime.wasm(), "damage").unwrap();
        assert!(store.built_from(Sources(&files)).is_none());
        let (built, said) = build(home.path(), MAKES_ONE, true);
        assert_eq!(built.unwrap().outcome, Outcome::Repaired);
        assert_eq!(said.first().unwrap(), "all anew");
    }

    #[test]
    fn a_build_that_fails_says_its_last_words_and_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (built, _) = build(home.path(), MAKES_ONE, false);
        let before = built.unwrap().runtime;
        let script = "seq 100; echo 'no compiler: install one' >&2; exit 7";
        let (failed, said) = build(home.path(), script, false);
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("100\nno compiler: install one\n"), "{error}");
        assert!(
            error.contains("exit status: 7") && !error.contains("\n50\n"),
            "{error}"
        );
        assert_eq!(said.len(), 101);
        let (liar, _) = build(home.path(), "rm -r \"$1\"", false);
        assert!(matches!(liar, Err(Error::BadRuntime { .. })), "{liar:?}");
        let store = Store::in_data_home(&home.path().join("data"));
        assert_eq!(store.current().unwrap().unwrap().id(), before.id());
    }
}
