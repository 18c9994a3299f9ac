//! The execution graph of a call.

use faasm_model::{CallId, CallStatus, Name, Timings};
use serde::{Deserialize, Serialize};

/// Deeper JSON than this is refused: it is parsed, walked and dropped by recursion.
const MAX_NESTING: usize = 1024;

/// A call and the calls it made, in the order in which it made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTree {
    /// The call.
    #[serde(rename = "msg")]
    pub call: GraphCall,
    /// The calls it made.
    #[serde(default)]
    pub chained: Vec<CallTree>,
}

/// One call of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphCall {
    /// The call.
    pub id: CallId,
    /// The owner of what it ran.
    pub user: Name,
    /// The name of what it ran.
    pub function: Name,
    /// The table index it ran, when a function pointer was chained.
    #[serde(default)]
    pub pointer: Option<u32>,
    /// The function of a Python file that it ran, when that was chained.
    #[serde(default)]
    pub py_entry: Option<Name>,
    /// Which rank it was, of an MPI world.
    #[serde(default)]
    pub mpi_rank: Option<u32>,
    /// The address of the server that ran that, in a cluster.
    #[serde(default)]
    pub worker: Option<String>,
    /// How it stood.
    pub status: CallStatus,
    /// What it returned, once it ended.
    pub return_value: Option<i32>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Where its time went.
    #[serde(default)]
    pub timings: Timings,
}

#[derive(Deserialize)]
struct Answer {
    root: CallTree,
}

/// Parses an answer, whose depth is that of the chain of calls and so beyond what JSON
/// parsers take by default.
pub(crate) fn parse(body: &[u8]) -> Result<CallTree, String> {
    if nesting(body) > MAX_NESTING {
        return Err(format!(
            "an execution graph nested deeper than {MAX_NESTING}"
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    json.disable_recursion_limit();
    let answer = Answer::deserialize(&mut json).map_err(|e| format!("unexpected JSON: {e}"))?;
    Ok(answer.root)
}

/// The greatest number of brackets open at once outside of strings.
fn nesting(json: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' => open = open.saturating_sub(1),
            b'"' => {
                while let Some(inside) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use faasm_model::{ExecGraph, FunctionName, GraphNode};

    fn chain(depth: u64) -> Vec<u8> {
        let node = |id: u64| GraphNode {
            id: CallId::new(id).unwrap(),
            parent: CallId::new(id - 1).ok(),
            function: FunctionName::new("demo", "f").unwrap(),
            part: None,
            status: CallStatus::Success,
            return_value: Some(0),
            reason: Some("quotes \" and { brackets".into()),
            timings: Timings::default(),
        };
        let graph = ExecGraph {
            calls: (2..=depth).map(node).collect(),
        };
        graph.to_json(&node(1)).to_string().into_bytes()
    }

    #[test]
    fn a_chain_as_deep_as_servers_allow_is_read() {
        let mut tree = &parse(&chain(200)).unwrap();
        let mut depth = 1;
        while let Some(below) = tree.chained.first() {
            tree = below;
            depth += 1;
        }
        assert_eq!(depth, 200);
    }

    #[test]
    fn a_graph_of_endless_depth_is_refused_instead_of_overflowing_the_stack() {
        let bomb = [&b"{\"root\":"[..], &b"[".repeat(1 << 20)].concat();
        assert!(parse(&bomb).unwrap_err().contains("deeper"));
    }
}
