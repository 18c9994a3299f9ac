//! Which server runs how many ranks.

use std::cmp::Reverse;

use super::layout::Place;
use crate::cluster::Worker;

/// Packs the ranks of a world by server: as many as `here` has room for, then the others in the
/// order of their room, so that few servers have many ranks each. Nothing if there is not enough.
pub(super) fn pack(here: Place, mut others: Vec<(Worker, u32)>, size: u32) -> Option<Vec<Place>> {
    // Of equal ones the order stays: the one that seemed emptier.
    others.sort_by_key(|(_, room)| Reverse(*room));
    let mut left = size.checked_sub(here.ranks)?;
    let mut places = vec![here];
    for (worker, room) in others {
        let ranks = room.min(left);
        if ranks == 0 {
            break;
        }
        left -= ranks;
        places.push(Place { worker, ranks });
    }
    (left == 0).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(id: &str) -> Worker {
        Worker {
            id: id.to_owned(),
            address: String::new(),
        }
    }

    fn packed(here: u32, others: &[(&str, u32)], size: u32) -> Option<Vec<(String, u32)>> {
        let here = Place {
            worker: worker("here"),
            ranks: here,
        };
        let others = others.iter().map(|(id, room)| (worker(id), *room));
        let places = pack(here, others.collect(), size)?;
        let places = places
            .into_iter()
            .map(|place| (place.worker.id, place.ranks));
        Some(places.collect())
    }

    #[test]
    fn ranks_are_on_few_servers_or_nowhere() {
        let is = |places: &[(&str, u32)]| {
            let places = places.iter().map(|(id, ranks)| ((*id).to_owned(), *ranks));
            Some(places.collect::<Vec<_>>())
        };
        let others = [("a", 1), ("b", 4), ("c", 4), ("d", 0)];
        assert_eq!(
            packed(3, &others, 9),
            is(&[("here", 3), ("b", 4), ("c", 2)])
        );
        assert_eq!(packed(4, &others, 7), is(&[("here", 4), ("b", 3)]));
        assert_eq!(
            packed(1, &others, 10),
            is(&[("here", 1), ("b", 4), ("c", 4), ("a", 1)])
        );
        assert_eq!(packed(1, &others, 11), None);
        assert_eq!(packed(1, &[], 2), None);
    }
}
