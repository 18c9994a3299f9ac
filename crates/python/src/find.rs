//! Where runtimes are looked for.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::{Error, Runtime, Store};

/// Where an administrator or a distribution installs for everybody.
const OF_THE_SYSTEM: [&str; 2] = ["/usr/local/share/faasm", "/usr/share/faasm"];

/// The user's data of faasm: `FAASM_DATA_HOME`, else `faasm` in `XDG_DATA_HOME` or in
/// `~/.local/share`.
pub fn data_home() -> Result<PathBuf, Error> {
    home_of("FAASM_DATA_HOME", "XDG_DATA_HOME", ".local/share").ok_or(Error::NoHome)
}

/// What faasm can make again: `FAASM_CACHE_HOME`, else `faasm` in `XDG_CACHE_HOME` or in
/// `~/.cache`.
pub(crate) fn cache_home() -> Result<PathBuf, Error> {
    home_of("FAASM_CACHE_HOME", "XDG_CACHE_HOME", ".cache").ok_or(Error::NoCache)
}

fn home_of(own: &str, shared: &str, usual: &str) -> Option<PathBuf> {
    // As XDG has it, what is not absolute does not count.
    let dir = |name| {
        let value = env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    dir(own).or_else(|| {
        let shared = dir(shared).or_else(|| Some(dir("HOME")?.join(usual)))?;
        Some(shared.join("faasm"))
    })
}

/// Where to look for a runtime.
#[derive(Clone, Debug)]
pub struct Search {
    /// Directories with installed runtimes, first to last.
    pub data_homes: Vec<PathBuf>,
}

impl Search {
    /// The user's [`data_home`], then those of the system.
    pub fn from_env() -> Self {
        let own = data_home().ok().into_iter();
        let data_homes = own.chain(OF_THE_SYSTEM.map(PathBuf::from)).collect();
        Self { data_homes }
    }
}

impl Runtime {
    /// The runtime that is installed on this machine, if there is one. One that is there
    /// and cannot be used is an error, not passed over.
    pub fn find() -> Result<Option<Self>, Error> {
        Self::find_in(&Search::from_env())
    }

    /// As [`Runtime::find`], without looking at the environment.
    pub fn find_in(search: &Search) -> Result<Option<Self>, Error> {
        for home in &search.data_homes {
            if let Some(runtime) = Store::in_data_home(home).current()? {
                return Ok(Some(runtime));
            }
        }
        Ok(None)
    }
}

impl Store {
    /// The runtime that `current` leads to, if there is one.
    pub fn current(&self) -> Result<Option<Runtime>, Error> {
        let link = self.dir().join(Self::CURRENT);
        // A link that leads nowhere is there.
        match fs::symlink_metadata(&link) {
            Ok(_) => Runtime::open(&link).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("look for", &link)(error)),
        }
    }
}
