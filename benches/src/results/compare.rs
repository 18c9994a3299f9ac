//! What changed between two runs.
//!
//! The ratio to a peer counts: it is the same on a faster machine. A value that has no peer
//! counts if both runs were on the same machine; one that has is shown, but does not count.

use std::fmt;

use super::Results;
use crate::report::{Better, Figure, number};

/// The least change that is worth a look.
const NOTABLE: f64 = 1.2;

/// What is worth a look.
#[derive(Debug)]
pub struct Comparison {
    /// What makes the two less comparable.
    pub cautions: Vec<String>,
    pub changes: Vec<Change>,
    /// What only one of them has.
    pub unmatched: Vec<String>,
}

/// A figure that differs by a fifth or more.
#[derive(Debug, PartialEq)]
pub struct Change {
    figure: String,
    what: What,
    before: f64,
    after: f64,
    better: Better,
    /// Whether it matters.
    counts: bool,
}

#[derive(Debug, PartialEq)]
enum What {
    Ratio { peer: String },
    Value { unit: String },
}

/// Compares `after` with `before`.
pub fn compare(before: &Results, after: &Results) -> Comparison {
    let same_machine = before.machine == after.machine;
    let (old, new) = (figures(before), figures(after));
    let mut comparison = Comparison {
        cautions: cautions(before, after),
        changes: Vec::new(),
        unmatched: Vec::new(),
    };
    for (name, old) in &old {
        match new.iter().find(|(other, _)| other == name) {
            Some((_, new)) => comparison
                .changes
                .extend(changes(name, old, new, same_machine)),
            None => comparison
                .unmatched
                .push(format!("{name}: only in the first")),
        }
    }
    let added = new
        .iter()
        .filter(|(name, _)| old.iter().all(|(other, _)| other != name));
    let added = added.map(|(name, _)| format!("{name}: only in the second"));
    comparison.unmatched.extend(added);
    comparison
}

fn figures(results: &Results) -> Vec<(String, &Figure)> {
    let reports = results.reports.iter();
    let of = reports.flat_map(|report| report.figures.iter().map(move |figure| (report, figure)));
    of.map(|(report, figure)| (format!("{}: {}", report.benchmark, figure.name), figure))
        .collect()
}

fn cautions(before: &Results, after: &Results) -> Vec<String> {
    let mut cautions = Vec::new();
    if before.machine != after.machine {
        cautions.push(format!(
            "other machines: {}; {}",
            before.machine, after.machine
        ));
    }
    if before.effort != after.effort {
        cautions.push(format!(
            "other efforts: {}; {}",
            before.effort, after.effort
        ));
    }
    for (program, old) in &before.versions {
        let new = after.versions.get(program).map_or("none", String::as_str);
        if old != new {
            cautions.push(format!("other versions of {program}: {old}; {new}"));
        }
    }
    cautions
}

/// The changes of the ratio and of the value, if they are notable.
fn changes(name: &str, old: &Figure, new: &Figure, same_machine: bool) -> Vec<Change> {
    let change = |what, before, after, counts| Change {
        figure: name.to_owned(),
        what,
        before,
        after,
        better: new.better,
        counts,
    };
    let peers = old.peer.as_ref().zip(new.peer.as_ref());
    let ratio = peers
        .filter(|(old, new)| old.name == new.name)
        .map(|(old, new)| {
            let peer = new.name.clone();
            change(What::Ratio { peer }, old.ratio, new.ratio, true)
        });
    let unit = new.unit.clone();
    let counts = ratio.is_none() && same_machine;
    let value = change(What::Value { unit }, old.value, new.value, counts);
    let changes = ratio.into_iter().chain([value]);
    changes.filter(Change::is_notable).collect()
}

impl Change {
    fn is_notable(&self) -> bool {
        let (less, more) = (self.before.min(self.after), self.before.max(self.after));
        more > less * NOTABLE
    }

    fn is_worse(&self) -> bool {
        match self.better {
            Better::Lower => self.after > self.before,
            Better::Higher => self.after < self.before,
        }
    }

    /// Whether it should stop someone.
    fn is_regression(&self) -> bool {
        self.counts && self.is_worse()
    }
}

impl Comparison {
    pub fn has_regressions(&self) -> bool {
        self.changes.iter().any(Change::is_regression)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (number(self.before), number(self.after));
        let percent = (self.after / self.before - 1.0) * 100.0;
        let verdict = match (self.counts, self.is_worse()) {
            (true, true) => "WORSE",
            (true, false) => "better",
            (false, true) => "worse, but depends on the machine",
            (false, false) => "better, but depends on the machine",
        };
        let figure = &self.figure;
        match &self.what {
            What::Ratio { peer } => write!(
                f,
                "{figure}: ratio to {peer} {before} -> {after} ({percent:+.0} %), {verdict}"
            ),
            What::Value { unit } => {
                write!(
                    f,
                    "{figure}: {before} -> {after} {unit} ({percent:+.0} %), {verdict}"
                )
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for caution in &self.cautions {
            writeln!(f, "{caution}")?;
        }
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        for unmatched in &self.unmatched {
            writeln!(f, "{unmatched}")?;
        }
        if self.changes.is_empty() {
            writeln!(f, "nothing changed by more than 20 %")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effort::Effort;
    use crate::report::Report;

    fn results(figures: Vec<Figure>) -> Results {
        let mut results = Results::begin(Effort::new(None, true));
        let mut report = Report::new("test", "");
        report.figures = figures;
        results.reports.push(report);
        results
    }

    fn compared(before: Figure, after: Figure) -> Comparison {
        compare(&results(vec![before]), &results(vec![after]))
    }

    fn time(ours: f64, theirs: f64) -> Figure {
        Figure::lower("time", ours, "µs").beside("bare", theirs)
    }

    #[test]
    fn a_worse_ratio_is_a_regression() {
        let comparison = compared(time(10.0, 10.0), time(10.0, 5.0));
        assert!(comparison.has_regressions());
        let lines: Vec<_> = comparison.changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["test: time: ratio to bare 1.00 -> 2.00 (+100 %), WORSE"]
        );
        let improved = compared(time(10.0, 5.0), time(10.0, 10.0));
        assert!(!improved.has_regressions() && improved.changes.len() == 1);
    }

    #[test]
    fn a_slower_machine_is_no_regression() {
        let comparison = compared(time(10.0, 10.0), time(30.0, 30.0));
        assert_eq!(comparison.changes.len(), 1);
        assert!(!comparison.has_regressions());
    }

    #[test]
    fn a_value_without_a_peer_counts_on_the_same_machine_only() {
        let rate = |value| Figure::higher("rate", value, "/s");
        assert!(compared(rate(10.0), rate(5.0)).has_regressions());
        let (before, mut after) = (results(vec![rate(10.0)]), results(vec![rate(5.0)]));
        after.machine.cores += 1;
        let comparison = compare(&before, &after);
        assert!(!comparison.has_regressions());
        assert_eq!(comparison.cautions.len(), 1);
    }

    #[test]
    fn small_changes_are_not_worth_a_line() {
        assert!(
            compared(time(10.0, 10.0), time(11.9, 10.0))
                .changes
                .is_empty()
        );
        assert!(
            compared(time(0.0, 10.0), time(0.0, 10.0))
                .changes
                .is_empty()
        );
    }

    #[test]
    fn what_only_one_run_has_is_named() {
        let comparison = compared(time(1.0, 1.0), Figure::lower("other", 1.0, "µs"));
        let expected = [
            "test: time: only in the first",
            "test: other: only in the second",
        ];
        assert_eq!(comparison.unmatched, expected);
    }
}
