//! Which runtime runs Python functions.

use std::path::PathBuf;
use std::str::FromStr;

use faasm_faaslet::{Faaslets, PythonRuntime};
use faasm_python::Runtime;
use serde::{Deserialize, Serialize};

/// The runtime that the operator wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub enum Choice {
    /// The installed one, if there is one.
    #[default]
    Installed,
    /// None at all.
    Off,
    /// The one in this directory.
    At(PathBuf),
}

/// What turns Python functions off.
const OFF: &str = "none";

impl From<PathBuf> for Choice {
    fn from(path: PathBuf) -> Self {
        match path.to_str() {
            Some(OFF) => Self::Off,
            _ => Self::At(path),
        }
    }
}

impl From<Choice> for PathBuf {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Installed => Self::new(),
            Choice::Off => OFF.into(),
            Choice::At(path) => path,
        }
    }
}

impl FromStr for Choice {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(PathBuf::from(text).into())
    }
}

/// The runtime to use. One that was named must be usable; without an installed one, or with a
/// damaged one, the server does everything else.
pub fn find(choice: &Choice) -> anyhow::Result<Option<PythonRuntime>> {
    let runtime = match choice {
        Choice::Off => return Ok(None),
        Choice::At(dir) => Some(Runtime::open(dir)?),
        Choice::Installed => Runtime::find().unwrap_or_else(|error| {
            tracing::warn!(%error, "the installed Python runtime cannot be used; see `faasm python info`");
            None
        }),
    };
    Ok(runtime.map(|runtime| PythonRuntime {
        wasm: runtime.wasm(),
        library: runtime.library(),
        library_path: format!("usr/lib/python{}", short(runtime.version())),
        cache: runtime.cache_dir(),
    }))
}

/// The part of a version that directories are named after, say 3.13 of 3.13.5.
fn short(version: &str) -> &str {
    let mut dots = version.match_indices('.').map(|(at, _)| at);
    dots.nth(1).map_or(version, |second| &version[..second])
}

/// Makes the runtime ready while nobody waits for it.
pub fn prepare(faaslets: &Faaslets) {
    let faaslets = faaslets.clone();
    tokio::spawn(async move {
        if let Err(error) = faaslets.prepare_python().await {
            tracing::error!(%error, "the Python runtime cannot be used; see `faasm python info`");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_where_its_version_says() {
        assert_eq!(short("3.13.5"), "3.13");
        assert_eq!(short("3.14"), "3.14");
        assert_eq!(short("3.13.0rc1.2"), "3.13");
    }

    #[test]
    fn none_is_no_directory() {
        assert_eq!("none".parse(), Ok(Choice::Off));
        assert_eq!("./none".parse(), Ok(Choice::At("./none".into())));
    }
}
