//! Finding out that all ranks of all parts wait for each other.
//!
//! The first part asks now and then. If at two rounds after each other all ranks of all parts wait,
//! all that was sent was received, and neither has changed, nobody will ever send anything again.

use std::sync::atomic::Ordering;

use super::Remote;
use super::wire::{Counts, Header};
use crate::memory::Memory;
use crate::sync::lock;
use crate::world::{Shared, World, deadlock};

/// A round of questions.
#[derive(Default)]
pub(super) struct Round {
    number: u64,
    /// What each part has answered.
    answers: Vec<Option<Answer>>,
    /// What all had sent and received at the last round, if all waited.
    before: Option<Vec<Counts>>,
}

/// What a part has sent and received, and what its ranks wait for, if all of them wait.
type Answer = Option<(Counts, String)>;

impl Round {
    fn begin(&mut self, parts: usize) -> u64 {
        if self.answers.iter().any(Option::is_none) {
            // The last one has not ended: somebody is busy.
            self.before = None;
        }
        self.number += 1;
        self.answers = vec![None; parts];
        self.number
    }

    /// The reason to end the world, if with this answer it turns out that there is one.
    fn hear(&mut self, from: usize, round: u64, answer: Answer) -> Option<String> {
        if round != self.number {
            return None;
        }
        *self.answers.get_mut(from)? = Some(answer);
        let answers: Option<Vec<&Answer>> = self.answers.iter().map(Option::as_ref).collect();
        // Not before all have answered.
        let answers = answers?;
        let waiting: Option<Vec<&(Counts, String)>> =
            answers.into_iter().map(Option::as_ref).collect();
        let Some(waiting) = waiting else {
            self.before = None;
            return None;
        };
        let counts: Vec<Counts> = waiting.iter().map(|(counts, _)| *counts).collect();
        let sent: u64 = counts.iter().map(|counts| counts.sent).sum();
        let received: u64 = counts.iter().map(|counts| counts.received).sum();
        let live: usize = counts.iter().map(|counts| counts.live).sum();
        let is_over = live > 0 && sent == received && self.before.as_ref() == Some(&counts);
        let text: String = waiting.iter().map(|(_, text)| text.as_str()).collect();
        self.before = (sent == received).then_some(counts);
        is_over.then(|| deadlock(&text))
    }
}

impl<M: Memory> World<M> {
    /// Looks whether all ranks of all parts wait for each other, and ends the world if they do: to be
    /// called now and then for the first part of a world that has several. It takes two calls.
    pub fn look_for_deadlock(&self) {
        let Some(remote) = self.0.remote.as_ref().filter(|remote| remote.own() == 0) else {
            return;
        };
        let round = lock(&remote.round).begin(remote.part.placement.parts());
        let own = self.0.standing(remote);
        if own.is_none() {
            // Somebody here is busy: there is no need to ask the others.
            self.0.hear(remote, 0, round, None);
            return;
        }
        self.0.hear(remote, 0, round, own);
        for part in remote.others() {
            remote.send(part, &Header::Ask { round });
        }
    }
}

impl<M: Memory> Shared<M> {
    /// What was sent and received, and what the ranks wait for, if all that are here wait.
    fn standing(&self, remote: &Remote) -> Answer {
        let before = self.events()?;
        let counts = Counts {
            // In this order: what is sent meanwhile makes it differ from what was received.
            received: remote.received.load(Ordering::SeqCst),
            sent: remote.sent.load(Ordering::SeqCst),
            live: self.live(),
        };
        (self.events()? == before).then(|| (counts, self.report()))
    }

    pub(super) fn answer(&self, remote: &Remote, from: usize, round: u64) {
        let (counts, text) = self.standing(remote).unzip();
        let text = text.unwrap_or_default();
        remote.send_bytes(from, &Header::Still { round, counts }, text.as_bytes());
    }

    pub(super) fn hear(&self, remote: &Remote, from: usize, round: u64, answer: Answer) {
        let reason = lock(&remote.round).hear(from, round, answer);
        if let Some(reason) = reason {
            self.break_off(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sent: u64, received: u64) -> Answer {
        let live = 1;
        Some((
            Counts {
                sent,
                received,
                live,
            },
            format!("\n{sent}"),
        ))
    }

    #[test]
    fn only_two_equal_rounds_in_which_nothing_is_on_the_way_are_a_deadlock() {
        let mut round = Round::default();
        let mut ask = |answers: [Answer; 2]| {
            let number = round.begin(2);
            let [first, second] = answers;
            assert_eq!(round.hear(0, number, first), None);
            round.hear(1, number, second)
        };
        assert_eq!(ask([answer(3, 2), answer(2, 3)]), None);
        assert_eq!(ask([answer(4, 2), answer(2, 4)]), None);
        assert_eq!(ask([answer(4, 2), answer(2, 3)]), None, "one is on the way");
        assert_eq!(ask([answer(4, 2), answer(2, 3)]), None, "it still is");
        assert_eq!(ask([answer(4, 2), None]), None, "somebody is busy");
        assert_eq!(ask([answer(4, 2), answer(2, 4)]), None);
        let reason = ask([answer(4, 2), answer(2, 4)]).unwrap();
        assert!(reason.ends_with("another\n4\n2"), "{reason}");
    }
}
