//! Calls that have not ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use faasm_faaslet::{ChainRefused, Charge, Executed};
use faasm_model::{
    CallId, CallStatus, CallSummary, ExecGraph, FinishedCall, FunctionName, GraphNode, Invocation,
    Outcome, Part, Timings, now_ms,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::admission::{Lent, Permit};
use crate::handover::Handed;
use crate::options::Options;

/// A call that has been accepted. It stays reachable for those who wait for it after it
/// has ended.
pub(crate) struct LiveCall {
    pub(crate) invocation: Arc<Invocation>,
    pub(crate) depth: u32,
    pub(crate) root: Arc<Root>,
    pub(crate) cancel: CancellationToken,
    pub(crate) node: Arc<Node>,
    accepted_at_ms: u64,
    /// `None` if this server has lost the call, and another says how it ends.
    ended: OnceLock<Option<Ended>>,
    /// Permits of callers that wait for this call.
    lent: Mutex<Vec<Arc<Lent>>>,
    notify: Notify,
}

struct Ended {
    outcome: Arc<Outcome>,
    /// Holds the outcome's bytes in the memory budget while somebody can ask for them.
    _charge: Charge,
}

/// What the calls below one root share.
pub(crate) struct Root {
    node: Arc<Node>,
    chained: AtomicU64,
    /// Which rank of a world the root is, and where.
    place: OnceLock<Part>,
    below: Mutex<Vec<Arc<Node>>>,
    /// Those that were made on other servers, and have ended.
    elsewhere: Mutex<Vec<GraphNode>>,
}

/// A call as the execution graph shows it.
pub(crate) struct Node {
    pub(crate) id: CallId,
    pub(crate) parent: Option<CallId>,
    pub(crate) function: FunctionName,
    pub(crate) part: Option<Part>,
    ended: OnceLock<NodeEnd>,
}

struct NodeEnd {
    at_ms: u64,
    return_value: i32,
    reason: Option<String>,
    timings: Timings,
}

impl Node {
    fn new(
        id: CallId,
        parent: Option<CallId>,
        function: FunctionName,
        part: Option<Part>,
    ) -> Arc<Self> {
        let ended = OnceLock::new();
        Arc::new(Self {
            id,
            parent,
            function,
            part,
            ended,
        })
    }

    fn to_graph(&self) -> GraphNode {
        let ended = self.ended.get();
        GraphNode {
            id: self.id,
            parent: self.parent,
            function: self.function.clone(),
            part: self.part.clone(),
            status: match ended {
                None => CallStatus::Running,
                Some(NodeEnd { reason: None, .. }) => CallStatus::Success,
                Some(_) => CallStatus::Failed,
            },
            return_value: ended.map(|e| e.return_value),
            reason: ended.and_then(|e| e.reason.clone()),
            timings: ended.map_or_else(Timings::default, |e| e.timings),
        }
    }
}

impl Root {
    fn nodes(&self) -> MutexGuard<'_, Vec<Arc<Node>>> {
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls below the root, as they stand.
    pub(crate) fn graph(&self) -> ExecGraph {
        let mut calls: Vec<_> = self.nodes().iter().map(|node| node.to_graph()).collect();
        calls.extend(self.adopted().iter().cloned());
        if let Some(part) = self.place.get() {
            let part = Some(part.clone());
            let parent = None;
            let root = self.node.to_graph();
            calls.push(GraphNode {
                parent,
                part,
                ..root
            });
        }
        ExecGraph { calls }
    }

    /// Takes in the calls below one that another server ran.
    pub(crate) fn adopt(&self, graph: ExecGraph) {
        let is_made = |node: &&GraphNode| {
            let is_rank = matches!(node.part, Some(Part::Rank(_) | Part::RankOn { .. }));
            !is_rank
        };
        let made = graph.calls.iter().filter(is_made).count() as u64;
        self.chained.fetch_add(made, Ordering::Relaxed);
        self.adopted().extend(graph.calls);
    }

    /// The root is a rank of a world, at a place that the graph is to show.
    pub(crate) fn place(&self, part: Part) {
        let _ = self.place.set(part);
    }

    fn adopted(&self) -> MutexGuard<'_, Vec<GraphNode>> {
        self.elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls were made below the root.
    pub(crate) fn chained(&self) -> u64 {
        self.chained.load(Ordering::Relaxed)
    }

    /// One of the calls, as it stands: the root itself unless it is one below.
    pub(crate) fn node_of(&self, id: CallId) -> GraphNode {
        let nodes = self.nodes();
        let node = nodes.iter().find(|node| node.id == id);
        node.unwrap_or(&self.node).to_graph()
    }
}

impl LiveCall {
    /// A call from outside.
    pub(crate) fn root(id: CallId, invocation: Arc<Invocation>, accepted_at_ms: u64) -> Arc<Self> {
        Self::handed(Handed {
            id,
            invocation,
            index: 0,
            depth: 0,
            chained: 0,
            accepted_at_ms,
        })
    }

    /// A call that another server has handed over, as the root of what it makes here.
    pub(crate) fn handed(handed: Handed) -> Arc<Self> {
        let invocation = handed.invocation;
        let node = Node::new(handed.id, None, invocation.function.clone(), None);
        let root = Arc::new(Root {
            node: Arc::clone(&node),
            chained: AtomicU64::new(handed.chained),
            place: OnceLock::new(),
            below: Mutex::default(),
            elsewhere: Mutex::default(),
        });
        let cancel = CancellationToken::new();
        let accepted_at_ms = handed.accepted_at_ms;
        Self::with(invocation, handed.depth, root, cancel, node, accepted_at_ms)
    }

    /// A call made by this one, if it may make one more.
    pub(crate) fn chained(
        &self,
        id: impl FnOnce() -> Result<CallId, ChainRefused>,
        invocation: Arc<Invocation>,
        part: Option<Part>,
        options: &Options,
    ) -> Result<Arc<Self>, ChainRefused> {
        let depth = self.depth + 1;
        if depth > options.max_chain_depth {
            return Err(ChainRefused::TooDeep(options.max_chain_depth));
        }
        if self.root.chained.fetch_add(1, Ordering::Relaxed) >= options.max_chained_calls {
            return Err(ChainRefused::TooMany(options.max_chained_calls));
        }
        let node = Node::new(id()?, Some(self.id()), invocation.function.clone(), part);
        let root = Arc::clone(&self.root);
        root.nodes().push(Arc::clone(&node));
        let cancel = self.cancel.child_token();
        Ok(Self::with(invocation, depth, root, cancel, node, now_ms()))
    }

    /// A rank of the world that this call is rank 0 of, here or elsewhere.
    pub(crate) fn rank(&self, id: CallId, part: Part) -> Arc<Self> {
        let invocation = Arc::clone(&self.invocation);
        let function = invocation.function.clone();
        let node = Node::new(id, Some(self.id()), function, Some(part));
        let root = Arc::clone(&self.root);
        root.nodes().push(Arc::clone(&node));
        let cancel = self.cancel.child_token();
        Self::with(invocation, self.depth, root, cancel, node, now_ms())
    }

    fn with(
        invocation: Arc<Invocation>,
        depth: u32,
        root: Arc<Root>,
        cancel: CancellationToken,
        node: Arc<Node>,
        accepted_at_ms: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            invocation,
            depth,
            root,
            cancel,
            node,
            accepted_at_ms,
            ended: OnceLock::new(),
            lent: Mutex::default(),
            notify: Notify::new(),
        })
    }

    pub(crate) fn id(&self) -> CallId {
        self.node.id
    }

    /// Notes the end of the call, once; wakes nobody yet. In milliseconds since 1970, by the
    /// clock that told when the call was accepted.
    pub(crate) fn note(&self, outcome: &Outcome, at_ms: u64) {
        let _ = self.node.ended.set(NodeEnd {
            at_ms,
            return_value: outcome.return_value,
            reason: outcome.failure.as_ref().map(|f| f.message.clone()),
            timings: outcome.timings,
        });
    }

    /// Publishes the outcome to everybody who waits for it. Only the first end counts.
    pub(crate) fn end(&self, executed: Executed) {
        self.conclude(Some(Ended {
            outcome: Arc::new(executed.outcome),
            _charge: executed.charge,
        }));
    }

    /// Stops the call: another server has it, and says how it ends.
    pub(crate) fn lose(&self) {
        self.conclude(None);
        self.cancel.cancel();
    }

    fn conclude(&self, ended: Option<Ended>) {
        let mut lent = self.lenders();
        let _ = self.ended.set(ended);
        // Here and not when they wake: until then it would look as if they waited for
        // something that can never come.
        for permit in lent.drain(..) {
            permit.take_back();
        }
        drop(lent);
        self.notify.notify_waiters();
    }

    /// Lends out the permit of a caller that waits for this call, until this call ends or
    /// the caller takes it back. `None` if this call has ended.
    pub(crate) fn borrow(&self, permit: &Permit) -> Option<Arc<Lent>> {
        let mut lenders = self.lenders();
        if self.ended.get().is_some() {
            return None;
        }
        let lent = Arc::new(permit.lend());
        lenders.push(Arc::clone(&lent));
        drop(lenders);
        lent.offer();
        Some(lent)
    }

    fn lenders(&self) -> MutexGuard<'_, Vec<Arc<Lent>>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome, if the call has ended here.
    pub(crate) fn outcome(&self) -> Option<Arc<Outcome>> {
        let ended = self.ended.get()?.as_ref();
        ended.map(|ended| Arc::clone(&ended.outcome))
    }

    /// Whether another server says how the call ends.
    pub(crate) fn is_lost(&self) -> bool {
        self.ended.get().is_some_and(Option::is_none)
    }

    /// Waits until the call has ended here, or is lost.
    pub(crate) async fn wait(&self) -> Option<Arc<Outcome>> {
        loop {
            // Registered before the look, so that no end falls between the two.
            let notified = self.notify.notified();
            if self.ended.get().is_some() {
                return self.outcome();
            }
            notified.await;
        }
    }

    pub(crate) fn summary(&self) -> CallSummary {
        CallSummary {
            id: self.id(),
            function: self.invocation.function.clone(),
            status: CallStatus::Running,
            accepted_at_ms: self.accepted_at_ms,
            finished_at_ms: None,
            return_value: None,
        }
    }

    /// The record of the ended call. Only a root's has the graph: were it in all of them,
    /// calls that make many would cost the square of their number.
    pub(crate) fn finished(&self, outcome: Outcome) -> FinishedCall {
        let graph = match self.node.parent {
            None => self.root.graph(),
            Some(_) => ExecGraph::default(),
        };
        FinishedCall {
            id: self.id(),
            function: self.invocation.function.clone(),
            accepted_at_ms: self.accepted_at_ms,
            // Whoever asks, and whenever, it ended at one moment.
            finished_at_ms: self.node.ended.get().map_or_else(now_ms, |end| end.at_ms),
            outcome,
            graph,
        }
    }
}
