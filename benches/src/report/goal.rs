//! Whether goals are met. They are printed, never asserted: machines differ.

use std::fmt;

use super::{Better, Figure, number};

/// A goal, and whether it is met.
pub struct Verdict {
    goal: f64,
    better: Better,
    /// The goal's unit, or none for a ratio.
    unit: String,
    met: bool,
}

impl Figure {
    /// The goals of the value and of the ratio to the peer.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |goal: Option<f64>, value: f64, unit: &str| {
            goal.map(|goal| Verdict {
                goal,
                better: self.better,
                unit: unit.to_owned(),
                met: match self.better {
                    Better::Lower => value <= goal,
                    Better::Higher => value >= goal,
                },
            })
        };
        let ratio = self.peer.as_ref();
        let ratio = ratio.and_then(|peer| verdict(peer.goal, peer.ratio, "×"));
        let value = verdict(self.goal, self.value, &self.unit);
        value.into_iter().chain(ratio).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.better {
            Better::Lower => "≤",
            Better::Higher => "≥",
        };
        let verdict = if self.met { "met" } else { "MISSED" };
        let (goal, unit) = (number(self.goal), &self.unit);
        write!(f, "{bound} {goal} {unit} {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(figure: Figure) -> Vec<String> {
        figure.verdicts().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_goal_is_a_bound_on_the_side_that_is_worse() {
        let rate = || Figure::higher("rate", 90.0, "/s");
        assert_eq!(verdicts(rate().goal(80.0)), ["≥ 80.0 /s met"]);
        assert_eq!(verdicts(rate().goal(100.0)), ["≥ 100 /s MISSED"]);
        let time = || Figure::lower("time", 90.0, "µs");
        assert_eq!(verdicts(time().goal(90.0)), ["≤ 90.0 µs met"]);
        assert_eq!(verdicts(time()), [""; 0]);
    }

    #[test]
    fn a_figure_can_have_a_goal_beside_its_peer_too() {
        let figure = Figure::lower("time", 30.0, "µs").goal(25.0);
        let figure = figure.beside("bare", 15.0).ratio_goal(2.0);
        assert_eq!(verdicts(figure), ["≤ 25.0 µs MISSED", "≤ 2.00 × met"]);
    }
}
