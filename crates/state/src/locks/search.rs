//! The search for deadlocks: circles in the graph of who waits for whom.

use std::collections::HashMap;
use std::ops::DerefMut;
use std::sync::Arc;

use faasm_model::{CallId, StateKey};

use super::circle::{Circle, Link};
use super::key_lock::KeyLock;
use super::mutex::Kit;
use super::session::wake;
use super::table::{Await, Shard, Slot, Table};
use super::waiter::Waiter;
use super::{Deadlock, Mode};

/// Finds the deadlocks and refuses to one waiter of each what it waits for.
///
/// All shards are held meanwhile: pieces seen at different moments could make a circle that
/// never was. It looks at the keys somebody waits for, their holders and the calls that wait
/// for others, each once. Where circles meet, some may be left to the next search.
pub(super) fn resolve_deadlocks<K: Kit>(table: &Table<K>) {
    let mut shards = table.freeze();
    let victims = Graph::of(table, &shards).victims();
    let mut wakers = Vec::new();
    for (victim, deadlock) in victims {
        let Slot { hash, key } = &victim.slot;
        let refused = shards[table.index(*hash)].leave(*hash, key, &mut wakers, |lock| {
            lock.withdraw(&victim);
            victim.settle(Err(deadlock))
        });
        wakers.extend(refused.flatten());
    }
    drop(shards);
    wake(wakers);
}

/// Who waits for whom at one moment. A call waits for one thing at most; a key for all of
/// its holders. Who is ahead in a queue need not be looked at: it waits for the same key.
struct Graph<'a, K: Kit> {
    waits: HashMap<CallId, Wait<'a, K>>,
    keys: Vec<(&'a StateKey, &'a KeyLock<K>)>,
}

#[derive(Clone, Copy)]
enum Wait<'a, K: Kit> {
    Lock {
        key: usize,
        waiter: &'a Arc<Waiter<K>>,
    },
    Call(&'a Await),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Call(CallId),
    Key(usize),
}

/// How far the search is with a node that it met.
#[derive(Clone, Copy, PartialEq)]
enum Met {
    OnPath,
    Done,
}

type Victim<K> = (Arc<Waiter<K>>, Deadlock);

impl<'a, K: Kit> Graph<'a, K> {
    fn of(table: &Table<K>, shards: &'a [impl DerefMut<Target = Shard<K>>]) -> Self {
        let mut graph = Self {
            waits: HashMap::new(),
            keys: Vec::new(),
        };
        for noted in shards.iter().flat_map(|shard| shard.awaits()) {
            graph.waits.insert(noted.party.call, Wait::Call(noted));
        }
        for shard in shards {
            for key in shard.contended() {
                let Some(lock) = shard.lock(table.hash(key), key) else {
                    continue;
                };
                let index = graph.keys.len();
                for waiter in lock.queue() {
                    let key = index;
                    let wait = Wait::Lock { key, waiter };
                    graph.waits.insert(waiter.party.call, wait);
                }
                graph.keys.push((key, lock));
            }
        }
        graph
    }

    /// One waiter of each circle that is found.
    fn victims(&self) -> Vec<Victim<K>> {
        let mut met = HashMap::new();
        let starts = self.waits.keys().map(|call| Node::Call(*call));
        starts
            .filter_map(|start| self.circle_from(start, &mut met))
            .filter_map(|circle| self.victim_of(&circle))
            .collect()
    }

    /// Goes on from `start` to nodes not yet met, depth first, until it comes back to one
    /// on its path: the path from there on is a circle.
    fn circle_from(&self, start: Node, met: &mut HashMap<Node, Met>) -> Option<Vec<Node>> {
        if met.contains_key(&start) {
            return None;
        }
        let mut path = vec![(start, 0)];
        met.insert(start, Met::OnPath);
        while let Some((node, next)) = path.last_mut() {
            let Some(to) = self.successor(*node, *next) else {
                met.insert(*node, Met::Done);
                path.pop();
                continue;
            };
            *next += 1;
            match met.get(&to) {
                Some(Met::Done) => {}
                Some(Met::OnPath) => {
                    let path: Vec<Node> = path.into_iter().map(|(node, _)| node).collect();
                    met.extend(path.iter().map(|node| (*node, Met::Done)));
                    let begin = path.iter().position(|node| *node == to)?;
                    return Some(path[begin..].to_vec());
                }
                None => {
                    met.insert(to, Met::OnPath);
                    path.push((to, 0));
                }
            }
        }
        None
    }

    /// The `n`th node that this one waits for.
    fn successor(&self, node: Node, n: usize) -> Option<Node> {
        match node {
            Node::Key(key) => {
                let holder = self.keys[key].1.holders().get(n)?;
                Some(Node::Call(holder.party().call))
            }
            Node::Call(_) if n > 0 => None,
            Node::Call(call) => Some(match self.waits.get(&call)? {
                Wait::Lock { key, .. } => Node::Key(*key),
                Wait::Call(noted) => Node::Call(noted.other),
            }),
        }
    }

    /// The youngest call that waits for a lock: it has done the least. A call that waits
    /// for another to end cannot be told anything.
    fn victim_of(&self, circle: &[Node]) -> Option<Victim<K>> {
        let waiters = circle.iter().filter_map(|node| match node {
            Node::Call(call) => match self.waits.get(call)? {
                Wait::Lock { waiter, .. } => Some(*waiter),
                Wait::Call(_) => None,
            },
            Node::Key(_) => None,
        });
        let victim = waiters.max_by_key(|waiter| waiter.party.call)?;
        let links = self.links(circle, victim.party.call);
        Some((Arc::clone(victim), Circle(links).into()))
    }

    /// The calls of a circle in order, beginning with `first`.
    fn links(&self, circle: &[Node], first: CallId) -> Vec<Link<'a>> {
        let begin = circle.iter().position(|node| *node == Node::Call(first));
        let (before, from) = circle.split_at(begin.unwrap_or(0));
        let mut holds = match circle[(begin.unwrap_or(0) + circle.len() - 1) % circle.len()] {
            Node::Key(key) => Some(self.held(key)),
            Node::Call(_) => None,
        };
        let mut links = Vec::new();
        for node in from.iter().chain(before) {
            let Node::Call(call) = node else { continue };
            let Some(wait) = self.waits.get(call) else {
                continue;
            };
            let held = holds.take();
            links.push(match wait {
                Wait::Lock { key, waiter } => {
                    holds = Some(self.held(*key));
                    Link::waiting_for_lock(held, waiter, self.keys[*key].1)
                }
                Wait::Call(noted) => Link::waiting_for_call(held, noted),
            });
        }
        links
    }

    /// A key and how it is held.
    fn held(&self, key: usize) -> (Mode, &'a StateKey) {
        let (key, lock) = self.keys[key];
        (lock.mode(), key)
    }
}
