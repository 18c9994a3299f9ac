//! Finding a toolchain that works on this machine.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clang::{Sysroot, Toolchain, run};
use crate::options::{BuildOptions, Language, OptLevel};
use crate::{Error, install, sdk};

/// Versions of clang that are looked for by name, newest first.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=30;

/// The first clang that says `wasm32-wasip1` for what was `wasm32-wasi`, and warns of
/// the old name.
const FIRST_WITH_WASIP1: u32 = 22;

/// Sysroots of their own, as some distributions have them.
const SYSTEM_SYSROOTS: &[&str] = &["/usr/share/wasi-sysroot", "/usr/wasm32-wasi"];

/// Headers and libraries where Debian and its kin put them.
const SHARED_HEADERS: &str = "/usr/include/wasm32-wasi";
const SHARED_LIBRARIES: &str = "/usr/lib/wasm32-wasi";

/// Uses the C library and, through the `long double`, the compiler's.
const PROBE: &str = "#include <stdio.h>\n\
    int main(int argc, char **argv) { return printf(\"%Lf\", (long double)argc * argc); }\n";

/// Where to look for a toolchain.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A WASI SDK to use and no other, if set.
    pub wasi_sdk: Option<PathBuf>,
    /// Directories to look for clang in, separated by `:`.
    pub path: OsString,
    /// Where to unpack the SDK so that the next build finds it; `None` unpacks it anew
    /// for every build.
    pub cache: Option<PathBuf>,
}

impl Search {
    /// What `WASI_SDK_PATH`, `PATH`, `XDG_CACHE_HOME` and `HOME` say. An empty
    /// `WASI_SDK_PATH` counts as unset.
    pub fn from_env() -> Self {
        let wasi_sdk = env::var_os("WASI_SDK_PATH").filter(|value| !value.is_empty());
        Self {
            wasi_sdk: wasi_sdk.map(PathBuf::from),
            path: env::var_os("PATH").unwrap_or_default(),
            cache: user_cache(),
        }
    }
}

/// `faasm` in the user's cache; `None` where no variable says where that is.
fn user_cache() -> Option<PathBuf> {
    let dir = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let cache = dir("XDG_CACHE_HOME").or_else(|| Some(dir("HOME")?.join(".cache")))?;
    Some(cache.join("faasm"))
}

impl Toolchain {
    /// The WASI SDK at `WASI_SDK_PATH`, else the newest clang on the `PATH` that can
    /// compile and link a program for WASI. The error says what to install.
    pub fn find() -> Result<Self, Error> {
        Self::find_in(&Search::from_env())
    }

    /// As [`Toolchain::find`], without looking at the environment.
    pub fn find_in(search: &Search) -> Result<Self, Error> {
        let found = Self::find_uncached(search)?;
        Ok(Self {
            cache: search.cache.clone(),
            ..found
        })
    }

    fn find_uncached(search: &Search) -> Result<Self, Error> {
        if let Some(path) = &search.wasi_sdk {
            let broken = |reason| Error::BrokenWasiSdk {
                path: path.clone(),
                reason,
            };
            return Self::of_wasi_sdk(path).map_err(broken);
        }
        let mut tried = Vec::new();
        for clang in clangs(&search.path) {
            match Self::of_system(&clang) {
                Ok(toolchain) => return Ok(toolchain),
                Err(reason) => tried.push(format!("{}: {reason}", clang.display())),
            }
        }
        Err(Error::NoToolchain {
            tried,
            install: install::hint(),
        })
    }

    fn of_wasi_sdk(sdk: &Path) -> Result<Self, String> {
        let clang = sdk.join("bin/clang");
        if !is_program(&clang) {
            return Err("it has no bin/clang".into());
        }
        let version = version_line(&clang)?;
        let root = sdk.join("share/wasi-sysroot");
        Self::with_own_sysroot(&clang, &version, &root)
            .unwrap_or_else(|| Err("it has no share/wasi-sysroot with a C library".into()))
    }

    fn of_system(clang: &Path) -> Result<Self, String> {
        let version = version_line(clang)?;
        if Path::new(SHARED_HEADERS).is_dir() {
            return Self::with_shared_sysroot(clang, &version);
        }
        let mut own = SYSTEM_SYSROOTS
            .iter()
            .filter_map(|root| Self::with_own_sysroot(clang, &version, Path::new(root)));
        own.next()
            .unwrap_or_else(|| Err("there is no C library for WASI (wasi-libc)".into()))
    }

    /// `None` if `root` is no sysroot.
    fn with_own_sysroot(clang: &Path, version: &str, root: &Path) -> Option<Result<Self, String>> {
        let has_libc = |target: &&&str| root.join("lib").join(target).join("libc.a").is_file();
        let target = ["wasm32-wasip1", "wasm32-wasi"].iter().find(has_libc)?;
        let toolchain = Self {
            clang: clang.into(),
            version: version.into(),
            target,
            sysroot: Sysroot::Own(root.into()),
            cache: None,
        };
        Some(toolchain.checked())
    }

    fn with_shared_sysroot(clang: &Path, version: &str) -> Result<Self, String> {
        let major = major(version);
        let llvm = major.map(|n| PathBuf::from(format!("/usr/lib/llvm-{n}")));
        let of_llvm = |dir: &str| llvm.as_ref().map(|llvm| llvm.join(dir));
        let existing = |dirs: [Option<PathBuf>; 2]| -> Vec<PathBuf> {
            dirs.into_iter()
                .flatten()
                .filter(|dir| dir.is_dir())
                .collect()
        };
        // The C++ library of clang's own version, if there are several.
        let cxx_headers = existing([
            of_llvm("include/wasm32-wasi/c++/v1"),
            Some(Path::new(SHARED_HEADERS).join("c++/v1")),
        ]);
        let toolchain = Self {
            clang: clang.into(),
            version: version.into(),
            target: if major >= Some(FIRST_WITH_WASIP1) {
                "wasm32-wasip1"
            } else {
                "wasm32-wasi"
            },
            sysroot: Sysroot::Shared {
                headers: SHARED_HEADERS.into(),
                cxx_headers: cxx_headers.into_iter().take(1).collect(),
                libraries: existing([of_llvm("lib/wasm32-wasi"), Some(SHARED_LIBRARIES.into())]),
            },
            cache: None,
        };
        toolchain.checked()
    }

    /// Compiles and links a program: nothing less shows that target, linker, C library
    /// and the compiler's own library are all there.
    fn checked(self) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
        let in_dir = |name: &str| dir.path().join(name);
        let module = in_dir("probe.wasm");
        let mut options = BuildOptions::new([] as [PathBuf; 0], &module);
        options.opt_level = OptLevel::O0;
        let try_it = |mut command: Command| {
            run(&mut command)
                .map_err(|e| e.to_string())?
                .map_err(|said| first_line(&said))
        };
        let mut objects = Vec::new();
        for (name, text) in [("probe", PROBE), ("start", sdk::START)] {
            let source = in_dir(&format!("{name}.c"));
            let object = in_dir(&format!("{name}.o"));
            fs::write(&source, text).map_err(|e| format!("cannot write {source:?}: {e}"))?;
            try_it(self.compile((&source, Language::C), &object, dir.path(), &options))?;
            objects.push(object);
        }
        try_it(self.link(Language::C, &objects, &module, &options))?;
        Ok(self)
    }
}

/// Every clang on the path, newest version first, then the one without a version.
fn clangs(path: &OsString) -> Vec<PathBuf> {
    let names = VERSIONS
        .rev()
        .map(|n| format!("clang-{n}"))
        .chain(["clang".to_owned()]);
    let dirs: Vec<PathBuf> = env::split_paths(path)
        .filter(|dir| dir.is_absolute())
        .collect();
    names
        .filter_map(|name| {
            dirs.iter()
                .map(|dir| dir.join(&name))
                .find(|p| is_program(p))
        })
        .collect()
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|is| is.is_file() && is.permissions().mode() & 0o111 != 0)
}

fn version_line(clang: &Path) -> Result<String, String> {
    let output = Command::new(clang).arg("--version").output();
    let output = output.map_err(|e| format!("does not run: {e}"))?;
    if !output.status.success() {
        return Err(format!("`--version` ended with {}", output.status));
    }
    Ok(first_line(&String::from_utf8_lossy(&output.stdout)))
}

/// 19 of `Debian clang version 19.1.7 (3~deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("version ")?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_any_vendors_line() {
        assert_eq!(major("Debian clang version 19.1.7 (3~deb12u1)"), Some(19));
        assert_eq!(
            major("clang version 22.1.0-wasi-sdk (https://example.org)"),
            Some(22)
        );
        assert_eq!(major("gcc 12"), None);
    }

    #[test]
    fn newer_clangs_come_first_and_non_programs_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [
            ("clang", 0o755),
            ("clang-14", 0o755),
            ("clang-19", 0o755),
            ("clang-20", 0o644),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = clangs(&dir.path().as_os_str().to_owned());
        let names: Vec<_> = found
            .iter()
            .filter_map(|p| p.file_name()?.to_str())
            .collect();
        assert_eq!(names, ["clang-19", "clang-14", "clang"]);
    }
}
