//! Where the parts of a world are.

use std::collections::HashSet;

use faasm_faaslet::Placement;
use faasm_model::WorldSize;
use serde::{Deserialize, Serialize};

use crate::cluster::Worker;

/// Where a part of a world is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Who runs it.
    pub(crate) worker: Worker,
    /// How many ranks it has.
    pub(crate) ranks: u32,
}

/// The parts of a world, as one of them sees them.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The stream of its messages.
    pub(crate) stream: u64,
    /// Where all its parts are; rank 0 is in the first.
    pub(crate) places: Vec<Place>,
    /// Which part this is.
    pub(crate) own: usize,
    /// Which ranks are in which part.
    pub(crate) placement: Placement,
}

impl Layout {
    /// Nothing if these are no parts of a world of that size, each on a server of its own.
    pub(crate) fn new(
        stream: u64,
        places: Vec<Place>,
        own: usize,
        size: WorldSize,
    ) -> Option<Self> {
        let sizes: Vec<u32> = places.iter().map(|place| place.ranks).collect();
        let placement = Placement::new(&sizes).filter(|it| it.size() == size.get())?;
        let mut ids = HashSet::new();
        let is_spread = places.len() > 1 && own < places.len();
        let is_apart = places.iter().all(|place| ids.insert(&place.worker.id));
        (is_spread && is_apart).then_some(Self {
            stream,
            places,
            own,
            placement,
        })
    }

    /// Who runs a part.
    pub(crate) fn worker(&self, part: usize) -> &Worker {
        &self.places[part].worker
    }

    /// All parts but this one.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let own = self.own;
        (0..self.places.len()).filter(move |part| *part != own)
    }

    /// The part that a server runs.
    pub(crate) fn part_of(&self, worker: &str) -> Option<usize> {
        let mut places = self.places.iter();
        places.position(|place| place.worker.id == worker)
    }

    /// The part that another server runs: that server may send to the world, as this part alone.
    pub(crate) fn sender(&self, worker: &str) -> Option<usize> {
        self.part_of(worker).filter(|part| *part != self.own)
    }

    /// Why a world ends if it loses a part. All parts say the same.
    pub(crate) fn lost(&self, part: usize) -> String {
        format!("the connection to {} was lost", self.whom(part))
    }

    /// Why a world ends if a part's server does not wait for it any longer.
    pub(crate) fn gone(&self, part: usize) -> String {
        format!("{} was shut down before the world ended", self.whom(part))
    }

    fn whom(&self, part: usize) -> String {
        let (address, ranks) = (&self.worker(part).address, self.placement.ranks(part));
        let last = ranks.end.saturating_sub(1);
        match ranks.start == last {
            true => format!("worker {address}, which ran rank {last},"),
            false => format!(
                "worker {address}, which ran the ranks {} to {last},",
                ranks.start
            ),
        }
    }

    /// Whether a world that ended for this reason has lost a part.
    pub(crate) fn is_loss(&self, reason: &str) -> bool {
        (0..self.places.len()).any(|part| reason == self.lost(part) || reason == self.gone(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str, ranks: u32) -> Place {
        let (id, address) = (id.to_owned(), format!("{id}:8003"));
        Place {
            worker: Worker { id, address },
            ranks,
        }
    }

    fn layout(places: &[Place], own: usize, size: u32) -> Option<Layout> {
        Layout::new(1, places.to_vec(), own, WorldSize::new(size).unwrap())
    }

    #[test]
    fn only_a_whole_world_on_several_servers_is_one() {
        let places = [place("a", 4), place("b", 3), place("c", 1)];
        assert!(layout(&places, 2, 8).is_some());
        assert!(layout(&places, 3, 8).is_none(), "there is no such part");
        assert!(layout(&places, 0, 7).is_none(), "it has another size");
        assert!(layout(&places[..1], 0, 4).is_none(), "it has one part");
        assert!(layout(&[place("a", 4), place("a", 4)], 0, 8).is_none());
        assert!(layout(&[place("a", 4), place("b", 0)], 0, 4).is_none());
        assert!(layout(&[place("a", u32::MAX), place("b", 5)], 0, 4).is_none());
    }

    #[test]
    fn only_the_other_parts_may_send() {
        let layout = layout(&[place("a", 4), place("b", 3), place("c", 1)], 1, 8).unwrap();
        let senders = ["a", "b", "c", "d"].map(|worker| layout.sender(worker));
        assert_eq!(senders, [Some(0), None, Some(2), None]);
    }

    #[test]
    fn a_loss_names_the_worker_and_its_ranks() {
        let layout = layout(&[place("a", 4), place("b", 3), place("c", 1)], 0, 8).unwrap();
        let lost = layout.lost(1);
        assert_eq!(
            lost,
            "the connection to worker b:8003, which ran the ranks 4 to 6, was lost"
        );
        assert!(layout.lost(2).contains("c:8003, which ran rank 7,"));
        assert!(layout.is_loss(&lost) && layout.is_loss(&layout.gone(2)));
        assert!(!layout.is_loss("rank 4: MPI_Abort with code 3"));
    }
}
