//! Worlds in parts that send to each other as if over a network.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use faasm_budget::MemoryBudget;
use faasm_mpi::{Link, Options, Part, Placement, Rank, World};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Three parts, if there are as many ranks, that are not all of one size.
pub fn sizes(ranks: u32) -> Vec<u32> {
    match ranks {
        1 => vec![1],
        2 => vec![1, 1],
        _ => vec![1, ranks / 3 + ranks % 3, ranks - 1 - ranks / 3 - ranks % 3],
    }
}

/// To each part a queue of its own, so that messages of several cross.
struct Queues(Vec<UnboundedSender<Vec<u8>>>);

impl Link for Queues {
    fn send(&self, part: usize, message: Vec<u8>) {
        // A part that has ended hears nothing.
        let _ = self.0[part].send(message);
    }
}

/// The ranks of all parts of a world. Must be called in a runtime.
pub fn ranks(sizes: &[u32], options: Options, budget: &MemoryBudget) -> Vec<Rank<Vec<u8>>> {
    let placement = Placement::new(sizes).unwrap();
    let worlds: Vec<Arc<OnceLock<World<Vec<u8>>>>> = sizes.iter().map(|_| Arc::default()).collect();
    let mut all = Vec::new();
    for own in 0..sizes.len() {
        let queues = worlds.iter().map(|world| {
            let (sender, mut receiver) = unbounded_channel::<Vec<u8>>();
            let world = Arc::clone(world);
            tokio::spawn(async move {
                while let Some(message) = receiver.recv().await {
                    world.wait().receive(own, &message);
                }
            });
            sender
        });
        let part = Part {
            placement: placement.clone(),
            own,
            link: Arc::new(Queues(queues.collect())),
        };
        let ranks = World::part(part, options, budget);
        let _ = worlds[own].set(ranks[0].world());
        all.extend(ranks);
    }
    let first = all[0].world();
    tokio::spawn(async move {
        while first.aborted().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            first.look_for_deadlock();
        }
    });
    all
}
