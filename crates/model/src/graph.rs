//! The tree of calls that a call made.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{CallId, CallStatus, FunctionName, Name, Timings};

/// The calls below one root, each with the call that made it. The root itself is
/// only in it, without a parent, to say which rank it was of a world, and where.
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
    /// A rank of an MPI world in a cluster.
    RankOn {
        /// Its number.
        rank: u32,
        /// The address of the server that ran it.
        worker: String,
    },
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
                    .push(node.to_json(node.part.as_ref(), below));
            }
        }
        let placed = self.calls.iter().find(|node| node.id == root.id);
        let part = root
            .part
            .as_ref()
            .or(placed.and_then(|it| it.part.as_ref()));
        let below = children.remove(&root.id).unwrap_or_default();
        json!({ "root": root.to_json(part, below) })
    }
}

impl GraphNode {
    fn to_json(&self, part: Option<&Part>, mut chained_last_first: Vec<Value>) -> Value {
        chained_last_first.reverse();
        let (mut pointer, mut py_entry, mut mpi_rank, mut on) = (None, None, None, None);
        match part {
            None => {}
            Some(Part::Pointer(index)) => pointer = Some(index),
            Some(Part::PythonEntry(entry)) => py_entry = Some(entry),
            Some(Part::Rank(rank)) => mpi_rank = Some(rank),
            Some(Part::RankOn { rank, worker }) => (mpi_rank, on) = (Some(rank), Some(worker)),
        }
        json!({
            "msg": {
                "id": self.id,
                "user": self.function.user,
                "function": self.function.function,
                "pointer": pointer,
                "py_entry": py_entry,
                "mpi_rank": mpi_rank,
                "worker": on,
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

    #[test]
    fn ranks_have_a_number_and_a_worker_and_so_has_the_root_that_is_one() {
        let on = |rank: u32, worker: &str| {
            let worker = worker.to_owned();
            Some(Part::RankOn { rank, worker })
        };
        let placed = |mut node: GraphNode, part| {
            node.part = part;
            node
        };
        let graph = ExecGraph {
            calls: vec![
                placed(node(2, Some(1)), on(1, "b:1")),
                placed(node(3, Some(1)), Some(Part::Rank(2))),
                placed(node(1, None), on(0, "a:1")),
            ],
        };
        let tree = graph.to_json(&node(1, None));
        let (root, chained) = (&tree["root"]["msg"], &tree["root"]["chained"]);
        assert_eq!(
            (&root["mpi_rank"], &root["worker"]),
            (&json!(0), &json!("a:1"))
        );
        let first = &chained[0]["msg"];
        assert_eq!(
            (&first["mpi_rank"], &first["worker"]),
            (&json!(1), &json!("b:1"))
        );
        let second = &chained[1]["msg"];
        assert_eq!(
            (&second["mpi_rank"], &second["worker"]),
            (&json!(2), &Value::Null)
        );
        assert_eq!(chained.as_array().map(Vec::len), Some(2));
    }
}
