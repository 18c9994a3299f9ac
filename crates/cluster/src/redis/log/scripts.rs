//! What the server does with calls in one step.

use crate::redis::assemble::scripts;

scripts! {
    "calls.lua";
    ACCEPT: "accept.lua",
    BEGIN: "begin.lua",
    CANCEL: "cancel.lua",
    CLAIM: "claim.lua",
    EXPIRE: "expire.lua",
    FINISH: "finish.lua",
    GET: "get.lua",
    IDS: "ids.lua",
    PAGE: "page.lua",
    RELEASE: "release.lua",
    RENEW: "renew.lua",
    STAGE: "stage.lua",
}
