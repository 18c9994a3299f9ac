//! What can be wrong with a link.

use std::time::Duration;

/// Something wrong with the link of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing passes, and nobody is told.
    Cut,
    /// What passes takes so much longer in each direction.
    Delay(Duration),
    /// So many packets of a hundred are lost.
    Loss(u8),
    /// Only so many kilobits a second pass.
    Rate(u32),
}

impl Fault {
    /// The kernel's name for it, if it is how packets wait.
    pub(super) fn shaping(self) -> Option<String> {
        match self {
            Self::Cut => None,
            Self::Delay(delay) => Some(format!("netem delay {}us", delay.as_micros())),
            Self::Loss(percent) => Some(format!("netem loss {percent}%")),
            Self::Rate(rate) => Some(format!("tbf rate {rate}kbit burst 64kb latency 200ms")),
        }
    }
}
