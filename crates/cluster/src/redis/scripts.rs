//! What the server does in one step: scripts of Lua.

use std::sync::LazyLock;

use redis::Script;

const PRELUDE: &str = include_str!("scripts/prelude.lua");
const ENTRIES: &str = include_str!("scripts/entries.lua");
const EPILOGUE: &str = include_str!("scripts/epilogue.lua");

/// A script, which is put together once.
pub(super) type Code = LazyLock<Script>;

macro_rules! scripts {
    ($($name:ident: $file:literal,)*) => {$(
        pub(super) static $name: Code = LazyLock::new(|| {
            let parts = [PRELUDE, ENTRIES, include_str!(concat!("scripts/", $file)), EPILOGUE];
            Script::new(&parts.concat())
        });
    )*};
}

scripts! {
    ABANDON: "abandon.lua",
    APPEND: "append.lua",
    APPENDED: "appended.lua",
    CLEAR: "clear.lua",
    DELETE: "delete.lua",
    HOLD: "hold.lua",
    JOIN: "join.lua",
    LIST: "list.lua",
    LOCK: "lock.lua",
    PATCH: "patch.lua",
    PUBLISH: "publish.lua",
    PUT: "put.lua",
    READ: "read.lua",
    RENEW: "renew.lua",
    STAGE: "stage.lua",
    SWEEP: "sweep.lua",
    WRITE_STAGED: "write_staged.lua",
}
