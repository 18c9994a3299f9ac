//! A report for a terminal.

use std::fmt;

use super::{Figure, Report, number};

const HEAD: [&str; 5] = ["", "faasm", "beside it", "ratio", "goal"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.benchmark, self.about)?;
        let rows: Vec<_> = self.figures.iter().map(Figure::cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEAD[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut line = |cells: [&str; 5]| {
            let [name, value, peer, ratio, goal] = cells;
            let [names, values, peers, ratios, _] = widths;
            let line = format!(
                "  {name:names$}  {value:>values$}  {peer:peers$}  {ratio:>ratios$}  {goal}"
            );
            writeln!(f, "{}", line.trim_end())
        };
        if !rows.is_empty() {
            line(HEAD)?;
        }
        for row in &rows {
            line(row.each_ref().map(String::as_str))?;
        }
        for remark in self.remarks() {
            writeln!(f, "  {remark}")?;
        }
        Ok(())
    }
}

impl Figure {
    /// Name, value, peer, ratio and goals.
    pub fn cells(&self) -> [String; 5] {
        let value = |value| {
            format!("{} {}", number(value), self.unit)
                .trim_end()
                .to_owned()
        };
        let peer = self.peer.as_ref();
        let goals: Vec<_> = self.verdicts().iter().map(ToString::to_string).collect();
        [
            self.name.clone(),
            value(self.value),
            peer.map_or(String::new(), |peer| {
                format!("{}: {}", peer.name, value(peer.value))
            }),
            peer.map_or(String::new(), |peer| ratio(peer.ratio)),
            goals.join(", "),
        ]
    }
}

/// Small ones as fractions: whoever reads 1/77 need not count zeros.
fn ratio(ratio: f64) -> String {
    match ratio {
        0.000_001..0.1 => format!("1/{}", number(1.0 / ratio)),
        _ => number(ratio),
    }
}

impl Report {
    /// What is said below the figures.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let missing = self.missing.iter().map(|m| format!("NOT MEASURED: {m}"));
        let failure = self.failure.iter().map(|f| format!("FAILED: {f}"));
        self.notes.iter().cloned().chain(missing).chain(failure)
    }
}
