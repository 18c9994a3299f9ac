//! How logs write records: a byte with the version of the format, then postcard.
//!
//! Postcard carries no field names. A change to the order or the types of the fields of
//! what is stored, variants of enums included, needs a new version here.

use faasm_model::{FinishedCall, Invocation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

const VERSION: u8 = 3;

/// The bytes are not a record that this version of the program can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Writes a small record.
///
/// # Errors
/// [`Error::Storage`] when the record's type cannot be written.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    encode_sized(record, 0)
}

/// Writes what a call runs, without ever moving its bytes.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_invocation(invocation: &Invocation) -> Result<Vec<u8>> {
    encode_sized(invocation, invocation_bytes(invocation))
}

/// Writes how a call ended, without ever moving its bytes.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_finished(call: &FinishedCall) -> Result<Vec<u8>> {
    encode_sized(call, call.outcome.bytes())
}

/// How large the parts of an invocation are that can be large.
pub(crate) fn invocation_bytes(invocation: &Invocation) -> usize {
    let args = invocation.args.iter().map(String::len).sum::<usize>();
    invocation.input.len() + args
}

/// Writes a record in which there are so many bytes that can be many, without ever moving them.
///
/// # Errors
/// Those of [`encode`].
pub fn encode_sized<T: Serialize>(record: &T, bytes: usize) -> Result<Vec<u8>> {
    let mut written = Vec::with_capacity(bytes.saturating_add(256));
    written.push(VERSION);
    postcard::to_extend(record, written)
        .map_err(|error| Error::Storage(format!("a record cannot be written: {error}")))
}

/// Reads a record, whatever the bytes are.
///
/// # Errors
/// [`Damaged`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, Damaged> {
    let Some((&VERSION, body)) = bytes.split_first() else {
        return Err(Damaged);
    };
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        _ => Err(Damaged),
    }
}

#[cfg(test)]
mod tests {
    use faasm_model::{
        CallId, CallStatus, ExecGraph, FailureKind, FinishedCall, FunctionName, GraphNode,
        Invocation, Outcome, Part, Target, Timings,
    };

    use super::*;

    fn finished() -> FinishedCall {
        let function = FunctionName::new("u", "f").unwrap();
        let timings = Timings {
            queued_us: 4,
            start_us: 5,
            run_us: 6,
        };
        FinishedCall {
            id: CallId::new(7).unwrap(),
            function: function.clone(),
            accepted_at_ms: 1,
            finished_at_ms: 2,
            outcome: Outcome {
                output: "o".into(),
                stdout: "s".into(),
                stderr: "e".into(),
                timings,
                ..Outcome::failed(FailureKind::Internal, "m")
            },
            graph: ExecGraph {
                calls: vec![GraphNode {
                    id: CallId::new(8).unwrap(),
                    parent: None,
                    function,
                    part: Some(Part::Pointer(3)),
                    status: CallStatus::Failed,
                    return_value: Some(-1),
                    reason: Some("r".into()),
                    timings,
                }],
            },
        }
    }

    /// When this fails, the stored format has changed: give it a new version.
    #[test]
    fn records_of_version_3_are_written_as_ever() {
        let invocation = Invocation {
            args: vec!["a".into()],
            target: Target::PYTHON,
            ..Invocation::new(FunctionName::new("u", "f").unwrap(), "in")
        };
        assert_eq!(
            encode(&invocation).unwrap(),
            b"\x03\x01u\x01f\x01\x00\x02in\x01\x01a\x00"
        );
        let result = b"\x03\x07\x01u\x01f\x01\x02\x01\x01o\x01s\x01e\x01\x0c\x01m\x04\x05\x06\
            \x01\x08\x00\x01u\x01f\x01\x00\x03\x02\x01\x01\x01\x01r\x04\x05\x06";
        assert_eq!(encode(&finished()).unwrap(), result);
        assert_eq!(decode::<FinishedCall>(result), Ok(finished()));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        let good = encode(&finished()).unwrap();
        for end in 0..good.len() {
            assert_eq!(
                decode::<FinishedCall>(&good[..end]),
                Err(Damaged),
                "cut at {end}"
            );
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                // Some are another good record; reading them is all that is asked for.
                let _ = decode::<FinishedCall>(&bad);
            }
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(decode::<FinishedCall>(&longer), Err(Damaged));
        let mut newer = good;
        newer[0] = VERSION + 1;
        assert_eq!(decode::<FinishedCall>(&newer), Err(Damaged));
    }

    #[test]
    fn a_record_that_promises_gigabytes_takes_none() {
        let function = b"\x03\x01u\x01f\x00";
        let huge_input = [function.as_slice(), b"\xff\xff\xff\xff\xff\x7f"].concat();
        assert_eq!(decode::<Invocation>(&huge_input), Err(Damaged));
        let huge_args = [function.as_slice(), b"\x00\xff\xff\xff\xff\xff\x7f"].concat();
        assert_eq!(decode::<Invocation>(&huge_args), Err(Damaged));
    }
}
