//! What to tell someone whose machine has no toolchain.

use std::fs;

/// The clang that a distribution's release has with all that is needed for wasm32.
/// Keyed by `ID` and `VERSION_ID` of `/etc/os-release`.
const PACKAGED: &[(&str, &str, u32)] = &[
    ("debian", "12", 19),
    ("debian", "13", 19),
    ("ubuntu", "22.04", 14),
    ("ubuntu", "24.04", 18),
];

/// Named where the release is not known.
const USUAL: u32 = 19;

/// The lines that say what to install on this machine.
pub(crate) fn hint() -> String {
    // Only words for a person depend on this file: without it, the usual ones do.
    hint_for(&fs::read_to_string("/etc/os-release").unwrap_or_default())
}

fn hint_for(os_release: &str) -> String {
    let value = |key: &str| {
        let line = os_release
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let (id, release) = (value("ID"), value("VERSION_ID"));
    let known = PACKAGED.iter().find(|(i, r, _)| *i == id && *r == release);
    let n = known.map_or(USUAL, |(_, _, n)| *n);
    format!(
        "On Debian and Ubuntu, install\n\n  \
         sudo apt-get install clang-{n} lld-{n} libclang-rt-{n}-dev-wasm32 libc++-{n}-dev-wasm32 libc++abi-{n}-dev-wasm32 wasi-libc\n\n\
         or, anywhere, unpack a WASI SDK and set WASI_SDK_PATH to its directory."
    )
}

#[cfg(test)]
mod tests {
    use super::hint_for;

    #[test]
    fn the_packages_are_those_of_the_release() {
        assert!(hint_for("ID=debian\nVERSION_ID=\"12\"\n").contains(" clang-19 "));
        assert!(hint_for("VERSION_ID=\"24.04\"\nID=ubuntu\n").contains(" lld-18 "));
    }

    #[test]
    fn an_unknown_system_gets_both_ways_too() {
        let hint = hint_for("");
        assert!(hint.contains("wasi-libc") && hint.contains("WASI_SDK_PATH"));
    }
}
