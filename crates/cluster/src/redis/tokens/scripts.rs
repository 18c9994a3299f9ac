//! What the server does with tokens in one step.

use crate::redis::assemble::scripts;

scripts! {
    "tokens.lua";
    ADD: "add.lua",
    PAGE: "page.lua",
    REMOVE: "remove.lua",
}
