//! What the server does in one step: scripts of Lua, in a frame that all have.

use std::sync::LazyLock;

use redis::Script;

/// A script, which is put together once.
pub(super) type Code = LazyLock<Script>;

/// A script between the beginning and the end that all have, after what those of its kind
/// have in `common`.
pub(super) fn assemble(common: &str, own: &str) -> Script {
    let frame = (
        include_str!("scripts/prelude.lua"),
        include_str!("scripts/epilogue.lua"),
    );
    Script::new(&[frame.0, common, own, frame.1].concat())
}

/// Scripts in the folder `scripts` beside the file that names them, with what they have in
/// common.
macro_rules! scripts {
    ($common:literal; $($name:ident: $file:literal,)*) => {$(
        pub(super) static $name: $crate::redis::assemble::Code =
            ::std::sync::LazyLock::new(|| {
                let common = include_str!(concat!("scripts/", $common));
                let own = include_str!(concat!("scripts/", $file));
                $crate::redis::assemble::assemble(common, own)
            });
    )*};
}

pub(super) use scripts;
