//! The scripts of the state.

use super::assemble::scripts;

scripts! {
    "entries.lua";
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
