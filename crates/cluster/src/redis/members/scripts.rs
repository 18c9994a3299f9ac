//! What the server does about members in one step.

use crate::redis::assemble::scripts;

scripts! {
    "members.lua";
    AGREE: "agree.lua",
    ANNOUNCE: "announce.lua",
    APPLIED: "applied.lua",
    BEAT: "beat.lua",
    BEHIND: "behind.lua",
    CHANGES: "changes.lua",
    LEAVE: "leave.lua",
}
