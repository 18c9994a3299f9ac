use std::io;
use std::path::{Path, PathBuf};

use crate::Sha256;

/// Why there is no Python runtime to use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing says where the user's data is.
    #[error(
        "there is no place to keep the Python runtime in: set HOME, or FAASM_DATA_HOME to a directory"
    )]
    NoHome,
    /// Nothing says where a build can go.
    #[error("there is no place to build Python in: set HOME, or FAASM_CACHE_HOME to a directory")]
    NoCache,
    /// What is there is not what a runtime has to be.
    #[error(
        "{path:?} is no Python runtime: {reason}\n`faasm python install` installs one that works"
    )]
    BadRuntime {
        /// The runtime's directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The runtime has another interface than this program knows.
    #[error(
        "{whose} has interface {found} and this faasm uses {}: install one that was made for this version, with `faasm python install`",
        crate::manifest::ABI
    )]
    OtherInterface {
        /// The runtime.
        whose: String,
        /// The number of its interface.
        found: u32,
    },
    /// A file of the runtime changed after it was installed.
    #[error("{0:?} is not what the manifest beside it says\n`faasm python install` mends it")]
    Damaged(PathBuf),
    /// What was to be installed is not an archive of a runtime.
    #[error(
        "{archive:?} is no archive of a Python runtime: {reason}\n`faasm python pack` makes them; was it copied completely?"
    )]
    BadArchive {
        /// The archive, as it was named.
        archive: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive is another one than was wanted.
    #[error(
        "{archive:?} has the SHA-256 checksum {found}, and {expected} was expected\nfetch it again; do not install it if you cannot tell why it differs"
    )]
    Checksum {
        /// The archive, as it was named.
        archive: PathBuf,
        /// What it should have.
        expected: Sha256,
        /// What it has.
        found: Sha256,
    },
    /// The file beside an archive has no checksum in it.
    #[error(
        "{0:?} does not begin with a SHA-256 checksum: write it anew with `sha256sum`, or remove it"
    )]
    NoChecksum(PathBuf),
    /// Something else is where a runtime should be.
    #[error("{0:?} is in the way, and nothing that faasm put there: move it elsewhere")]
    InTheWay(PathBuf),
    /// There is no runtime of this id.
    #[error("no Python runtime {id} is installed; there are: {}", listed(.there))]
    UnknownId {
        /// The id.
        id: String,
        /// The directories of those that there are.
        there: Vec<String>,
    },
    /// The build script failed.
    #[error(
        "building the Python runtime failed ({how}):\n{last}\nrun `faasm python install` again to go on where it stopped, or install an archive from another machine: `faasm python install --from ARCHIVE`"
    )]
    Build {
        /// How it ended.
        how: String,
        /// The last of what it printed.
        last: String,
    },
    /// A file or a program could not be used.
    #[error("cannot {doing} {path:?}: {source}")]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }
}

fn listed(ids: &[String]) -> String {
    match ids {
        [] => "none".to_owned(),
        ids => ids.join(", "),
    }
}
