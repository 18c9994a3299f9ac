//! The tree of calls that a call made.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{CallId, CallStatus, FunctionName, Name, Timings};

/// The calls below one root, each with the call that made it. The root itself is
/// not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecGraph {
    /// The chained calls, in the order in which they were made.
    pub calls: Vec<GraphNode>,
}

/// One call of an execution graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphNode {
    /// The call.
    pub id: CallId,
    /// Who made it.
    pub parent: Option<CallId>,
    /// What it ran.
    pub function: FunctionName,
    /// What it ran of the function, if that was not its usual beginning.
    pub part: Option<Part>,
    /// How it stood when the graph was taken.
    pub status: CallStatus,
    /// What it returned, once it ended.
    pub return_value: Option<i32>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Where its time went.
    pub timings: Timings,
}

/// A part of a function that a call can begin at. Their order is part of how graphs are stored: new
/// ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// A function pointer: an index into the module's table.
    Pointer(u32),
    /// A function of a Python file.
    PythonEntry(Name),
    /// A rank of the MPI world that its caller is rank 0 of.
    Rank(u32),
}

impl ExecGraph {
    /// The nested JSON form, `{"root":{"msg":{…},"chained":[…]}}`, as clients of
    /// Faasm read it.
    pub fn to_json(&self, root: &GraphNode) -> Value {
        let mut children: HashMap<CallId, Vec<Value>> = HashMap::new();
        // A call is made after its caller, so going backwards meets every child
        // before its parent: no recursion, whatever the depth.
        for node in self.calls.iter().rev() {
            let below = children.remove(&node.id).unwrap_or_default();
            if let Some(parent) = node.parent {
                children
                    .entry(parent)
                    .or_default()
                    .push(node.to_json(below));
            }
        }
        json!({ "root": root.to_json(children.remove(&root.id).unwrap_or_default()) })
    }
}

impl GraphNode {
    fn to_json(&self, mut chained_last_first: Vec<Value>) -> Value {
        chained_last_first.reverse();
        let (mut pointer, mut py_entry, mut rank) = (None, None, None);
        match &self.part {
            None => {}
            Some(Part::Pointer(index)) => pointer = Some(index),
            Some(Part::PythonEntry(entry)) => py_entry = Some(entry),
            Some(Part::Rank(number)) => rank = Some(number),
        }
        json!({
            "msg": {
                "id": self.id,
                "user": self.function.user,
                "function": self.function.function,
                "pointer": pointer,
                "py_entry": py_entry,
                "mpi_rank": rank,
                "status": self.status,
                "return_value": self.return_value,
                "reason": self.reason,
                "timings": self.timings,
            },
            "chained": chained_last_first,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u64, parent: Option<u64>) -> GraphNode {
        GraphNode {
            id: CallId::new(id).unwrap(),
            parent: parent.map(|p| CallId::new(p).unwrap()),
            function: FunctionName::new("demo", "f").unwrap(),
            part: None,
            status: CallStatus::Success,
            return_value: Some(0),
            reason: None,
            timings: Timings::default(),
        }
    }

    #[test]
    fn the_tree_keeps_the_order_in_which_calls_were_made() {
        let graph = ExecGraph {
            calls: vec![node(2, Some(1)), node(3, Some(1)), node(4, Some(2))],
        };
        let tree = graph.to_json(&node(1, None));
        let chained = &tree["root"]["chained"];
        assert_eq!(chained[0]["msg"]["id"], 2);
        assert_eq!(chained[0]["chained"][0]["msg"]["id"], 4);
        assert_eq!(chained[1]["msg"]["id"], 3);
    }
}
