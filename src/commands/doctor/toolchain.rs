//! The compiler that `faasm build` uses.

use faasm_toolchain::Toolchain;

use super::Check;

const NAME: &str = "toolchain";

pub fn check() -> Check {
    let toolchain = match Toolchain::find() {
        Ok(toolchain) => toolchain.describe(),
        Err(error) => {
            let text = error.to_string();
            let (found, todo) = text
                .split_once('\n')
                .unwrap_or((&text, "see `faasm build --help`"));
            return Check::fail(NAME, found, todo.trim_start());
        }
    };
    let found = format!("{}, {}", toolchain.clang.display(), toolchain.version);
    match toolchain.cxx {
        true => Check::ok(NAME, found),
        false => Check::warn(
            NAME,
            format!("{found}, without a C++ library"),
            "building C++ tells what to install",
        ),
    }
}
