//! Asking about calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use faasm_calllog::{Cancelling, LoggedCall};
use faasm_model::{
    CallId, CallStatus, CallSummary, ExecGraph, FailureKind, FinishedCall, GraphNode, Name,
};
use serde_json::Value;

use crate::calls::{CANCELLED, Calls};
use crate::refused::Refused;

/// How a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It has not ended.
    Running(CallSummary),
    /// It has ended.
    Finished(Arc<FinishedCall>),
}

/// What cancelling did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The call ends now.
    Requested,
    /// It had ended before.
    AlreadyFinished,
}

/// Most calls of a page of [`Calls::list`].
const MAX_PAGE: usize = 1_000;

impl Calls {
    /// How a call stands, after it has ended or `wait` has passed.
    pub async fn state(&self, id: CallId, wait: Duration) -> Result<CallState, Refused> {
        let until = Instant::now() + wait;
        let live = self.0.live.get(&id).map(|live| Arc::clone(&live));
        if let Some(live) = live {
            let outcome = match live.outcome() {
                None if !wait.is_zero() => tokio::time::timeout(wait, live.wait()).await,
                outcome => Ok(outcome),
            };
            match outcome {
                Ok(Some(outcome)) => {
                    let finished = live.finished(outcome.as_ref().clone());
                    return Ok(CallState::Finished(Arc::new(finished)));
                }
                _ if live.is_lost() => {}
                _ => return Ok(CallState::Running(live.summary())),
            }
        }
        if let Some(recent) = self.0.recent.get(id) {
            return Ok(CallState::Finished(recent.finished));
        }
        let logged = match self.0.company.cluster() {
            None => self.0.log.get(id).await?,
            Some(cluster) => {
                let left = until.saturating_duration_since(Instant::now());
                cluster.log.ended(id, left).await?
            }
        };
        match logged {
            Some(LoggedCall::Finished(finished)) => Ok(CallState::Finished(Arc::new(finished))),
            Some(LoggedCall::Pending { summary, .. }) => Ok(CallState::Running(summary)),
            None => Err(Refused::UnknownCall(id)),
        }
    }

    /// Ends a call that has not ended.
    pub async fn cancel(&self, id: CallId) -> Result<Cancelled, Refused> {
        let inner = &self.0;
        // Of a log that servers share, the end is written there first: this one may lose it.
        if let Some(live) = inner.live.get(&id).filter(|_| !inner.claimed.has(id)) {
            live.cancel.cancel();
            return Ok(Cancelled::Requested);
        }
        let state = self.state(id, Duration::ZERO).await?;
        let (CallState::Running(call), Some(cluster)) = (state, inner.company.cluster()) else {
            return Ok(Cancelled::AlreadyFinished);
        };
        let end = inner.unrun(call, FailureKind::Cancelled, CANCELLED.to_owned());
        match cluster.log.cancel(end).await? {
            Cancelling::Ended | Cancelling::Requested => Ok(Cancelled::Requested),
            Cancelling::AlreadyEnded => Ok(Cancelled::AlreadyFinished),
        }
    }

    /// The tree of calls that a call made, as JSON.
    pub async fn graph(&self, id: CallId) -> Result<Value, Refused> {
        if let Some(live) = self.0.live.get(&id) {
            let node = live.root.node_of(id);
            return Ok(live.root.graph().to_json(&node));
        }
        if let Some(recent) = self.0.recent.get(id) {
            let node = recent.root.node_of(id);
            return Ok(recent.root.graph().to_json(&node));
        }
        match self.state(id, Duration::ZERO).await? {
            CallState::Running(summary) => Ok(ExecGraph::default().to_json(&top(&summary, None))),
            CallState::Finished(call) => {
                let node = top(&call.summary(), Some(&call));
                Ok(call.graph.to_json(&node))
            }
        }
    }

    /// Calls of one user or of all, with ids below `before`, newest first, `limit` at
    /// most: asynchronous ones, and synchronous ones that run or ended lately.
    pub async fn list(
        &self,
        user: Option<&Name>,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<CallSummary>, Refused> {
        let limit = limit.min(MAX_PAGE);
        let mut calls = self.0.log.list(user, before, limit).await?;
        let live = self.0.live.iter().map(|entry| entry.value().summary());
        let wanted = live.filter(|call| user.is_none_or(|user| call.function.user == *user));
        calls.extend(wanted.filter(|call| before.is_none_or(|before| call.id < before)));
        calls.extend(self.0.recent.list(user, before));
        // An ended call can be in two of the places: its end is the newer word.
        let is_running = |call: &CallSummary| call.status == CallStatus::Running;
        calls.sort_by_key(|call| (std::cmp::Reverse(call.id), is_running(call)));
        calls.dedup_by_key(|call| call.id);
        calls.truncate(limit);
        Ok(calls)
    }
}

/// The root's node of a graph that is only in the log.
fn top(summary: &CallSummary, call: Option<&FinishedCall>) -> GraphNode {
    let outcome = call.map(|call| &call.outcome);
    GraphNode {
        id: summary.id,
        parent: None,
        function: summary.function.clone(),
        part: None,
        status: summary.status,
        return_value: summary.return_value,
        reason: outcome.and_then(|o| Some(o.failure.as_ref()?.message.clone())),
        timings: outcome.map(|o| o.timings).unwrap_or_default(),
    }
}
