//! What a benchmark found out: figures, each beside a peer's where there is one.

mod goal;
mod markdown;
mod number;
mod text;

use serde::{Deserialize, Serialize};

pub use markdown::markdown;
pub use number::number;

use crate::stats::Latencies;

/// The figures of one benchmark.
#[derive(Debug, Deserialize, Serialize)]
pub struct Report {
    /// As on the command line.
    pub benchmark: String,
    /// What is measured.
    pub about: String,
    pub figures: Vec<Figure>,
    /// What a reader needs to know to judge the figures.
    pub notes: Vec<String>,
    /// What could not be measured for want of a program.
    pub missing: Vec<Missing>,
    /// Why there are no more figures.
    pub failure: Option<String>,
}

/// One thing that was measured.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Figure {
    /// Unique in its report.
    pub name: String,
    pub value: f64,
    pub unit: String,
    pub better: Better,
    /// The least, or the most, that the value should be.
    pub goal: Option<f64>,
    pub peer: Option<Peer>,
}

/// The same work, done by another in the same run.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Peer {
    pub name: String,
    pub value: f64,
    /// The figure's value divided by the peer's.
    pub ratio: f64,
    /// The least, or the most, that the ratio should be.
    pub goal: Option<f64>,
}

/// Which values are good.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    Lower,
    Higher,
}

/// A program that is not installed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, thiserror::Error)]
#[error("{peer} is not installed; {install}")]
pub struct Missing {
    pub peer: String,
    /// The command that installs it.
    pub install: String,
}

impl Report {
    pub fn new(benchmark: &str, about: impl Into<String>) -> Self {
        Self {
            benchmark: benchmark.to_owned(),
            about: about.into(),
            figures: Vec::new(),
            notes: Vec::new(),
            missing: Vec::new(),
            failure: None,
        }
    }

    /// A figure that is no number, or has no ratio, makes the report a failed one: JSON
    /// cannot say it, and it could not be compared with anything.
    pub fn add(&mut self, figure: Figure) {
        let ratio = figure.peer.as_ref().map_or(1.0, |peer| peer.ratio);
        match figure.value.is_finite() && ratio.is_finite() {
            true => self.figures.push(figure),
            false => self.failure = Some(format!("{}: {figure:?}", figure.name)),
        }
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// What was found; if nothing was, the report says so.
    pub fn found<T>(&mut self, found: Result<T, Missing>) -> Option<T> {
        let missed = |missing| {
            if !self.missing.contains(&missing) {
                self.missing.push(missing);
            }
        };
        found.map_err(missed).ok()
    }

    /// Notes what percentiles leave out.
    pub fn note_latencies(&mut self, who: &str, latencies: &mut Latencies) {
        let (max, count) = (latencies.us(1.0), latencies.count());
        self.note(format!(
            "{who}: {count} measured, at most {} µs",
            number(max)
        ));
    }
}

impl Figure {
    fn new(name: impl Into<String>, value: f64, unit: &str, better: Better) -> Self {
        Self {
            name: name.into(),
            value,
            unit: unit.to_owned(),
            better,
            goal: None,
            peer: None,
        }
    }

    /// A figure of which less is better.
    pub fn lower(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::new(name, value, unit, Better::Lower)
    }

    /// A figure of which more is better.
    pub fn higher(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self::new(name, value, unit, Better::Higher)
    }

    /// Sets the most that the value should be, or the least where more is better.
    pub fn goal(mut self, goal: impl Into<Option<f64>>) -> Self {
        self.goal = goal.into();
        self
    }

    /// Compares with a peer, if that was measured.
    pub fn beside(mut self, name: &str, value: impl Into<Option<f64>>) -> Self {
        self.peer = value.into().map(|value| Peer {
            name: name.to_owned(),
            value,
            ratio: self.value / value,
            goal: None,
        });
        self
    }

    /// Sets the most that the ratio to the peer should be, or the least where more is
    /// better. Without a peer there is none.
    pub fn ratio_goal(mut self, goal: impl Into<Option<f64>>) -> Self {
        if let Some(peer) = &mut self.peer {
            peer.goal = goal.into();
        }
        self
    }
}
