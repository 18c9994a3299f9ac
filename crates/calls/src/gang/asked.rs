//! What servers ask of each other, and what they answer, as bytes.

use faasm_calllog::codec;
use faasm_model::{ContentHash, ExecGraph, Name, Outcome};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::layout::Place;
use crate::handover::{Handed, Unreadable};

/// What one server asks of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asked {
    /// To run a call.
    Call(Handed),
    /// For how many ranks of this user there is room: a `u32`.
    Room(Name),
    /// To run a part of a world: a [`PartEnded`].
    Part(Box<PartAsked>),
}

/// A part of a world that a server is to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartAsked {
    /// The call that is the world, and its rank 0.
    pub(crate) call: Handed,
    /// What its ranks run.
    pub(crate) code: ContentHash,
    /// The stream of its messages.
    pub(crate) stream: u64,
    /// Where all its parts are: the first is that of who asks.
    pub(crate) places: Vec<Place>,
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PartEnded {
    /// It did not begin: there was no room for all of it.
    NoRoom,
    /// It cannot be run.
    Failed(Outcome),
    /// Its ranks have ended.
    Ran {
        /// How each has, with its number.
        ranks: Vec<(u32, Outcome)>,
        /// The ranks and what they have called.
        graph: ExecGraph,
    },
}

impl Asked {
    /// As bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, faasm_calllog::Error> {
        let large = match self {
            Self::Call(call) => call.invocation.input.len(),
            Self::Part(part) => part.call.invocation.input.len(),
            Self::Room(_) => 0,
        };
        codec::encode_sized(self, large)
    }
}

impl PartEnded {
    /// As bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, faasm_calllog::Error> {
        let large = match self {
            Self::Ran { ranks, .. } => ranks.iter().map(|(_, outcome)| outcome.bytes()).sum(),
            Self::NoRoom | Self::Failed(_) => 0,
        };
        codec::encode_sized(self, large)
    }
}

/// Reads what a server of the same version has written.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    codec::decode(bytes).map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use faasm_model::{CallId, FunctionName, Invocation};

    use super::*;
    use crate::cluster::Worker;

    #[test]
    fn what_is_asked_arrives_and_cut_off_bytes_are_an_error() {
        let function = FunctionName::new("u", "f").unwrap();
        let call = Handed {
            id: CallId::new(7).unwrap(),
            invocation: Invocation::new(function, "input").into(),
            index: 3,
            depth: 2,
            chained: 9,
            accepted_at_ms: 4,
        };
        let place = Place {
            worker: Worker {
                id: "a".to_owned(),
                address: "10.0.0.1:8003".to_owned(),
            },
            ranks: 4,
        };
        let part = PartAsked {
            call: call.clone(),
            code: ContentHash::of(b"code"),
            stream: u64::MAX,
            places: vec![place; 2],
        };
        let user = Name::new("u").unwrap();
        for asked in [
            Asked::Call(call),
            Asked::Room(user),
            Asked::Part(Box::new(part)),
        ] {
            let bytes = asked.encode().unwrap();
            assert_eq!(read::<Asked>(&bytes).unwrap(), asked);
            for end in 0..bytes.len() {
                assert!(read::<Asked>(&bytes[..end]).is_err());
            }
        }
    }
}
