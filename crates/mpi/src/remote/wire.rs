//! What the parts of a world send to each other: a header, and after it bytes that it says
//! something about.

use serde::{Deserialize, Serialize};

use crate::collective::Key;

/// Whom a message of a program is for, and from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    /// The receiver's rank in the world.
    pub(crate) dest: u32,
    pub(crate) context: u64,
    pub(crate) source: i32,
    pub(crate) tag: i32,
}

/// What a message between parts is. The transfers have the sender's part's numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Header {
    /// A message of a program; its data follows.
    Eager(Address),
    /// A message of a program whose data stays with the sender until it is wanted.
    Offer { to: Address, id: u64, len: u64 },
    /// Its receiver is known, takes `total` bytes, and has room for them up to there.
    Grant { id: u64, total: u64, upto: u64 },
    /// The next bytes of a transfer follow.
    Piece { id: u64 },
    /// The sender of an offer takes it back, if it is not too late.
    Withdraw { id: u64 },
    /// Whether it was not.
    Withdrawn { id: u64, is_gone: bool },
    /// So much of what was put down with a rank has been received.
    Credit { rank: u32, bytes: u64 },
    /// The next bytes of what the ranks of a part bring to a collective follow.
    Shipment { key: Key, round: u64, is_last: bool },
    /// The world has ended; the reason follows.
    Abort { by: Option<u32>, code: Option<i32> },
    /// The first part wants to know whether all ranks of this one wait.
    Ask { round: u64 },
    /// They do, if so much was sent and received so far; what they wait for follows.
    Still { round: u64, counts: Option<Counts> },
}

/// How many messages a part has sent to the others and received from them, while all its ranks wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Ranks of it that have not left.
    pub(crate) live: usize,
}

impl Header {
    /// Whether it is a part of what the world does, and not of looking at that.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self, Self::Ask { .. } | Self::Still { .. })
    }
}

/// Room for a header.
const HEADER: usize = 64;

/// The bytes of a header, with room for so many after it.
pub(crate) fn begin(header: &Header, tail: usize) -> Vec<u8> {
    // Writing to memory does not fail.
    postcard::to_extend(header, Vec::with_capacity(HEADER + tail)).unwrap_or_default()
}

/// A header, and what follows it.
pub(crate) fn read(message: &[u8]) -> Option<(Header, &[u8])> {
    postcard::take_from_bytes(message).ok()
}
