//! A report for a document.

use super::{Figure, Report};

/// A section with a table.
pub fn markdown(report: &Report) -> String {
    let mut text = format!("## {}\n\n{}\n\n", report.benchmark, report.about);
    if !report.figures.is_empty() {
        text += "| | faasm | beside it | ratio | goal |\n|---|---|---|---|---|\n";
        text.extend(report.figures.iter().map(row));
        text.push('\n');
    }
    for remark in report.remarks() {
        text += &format!("- {remark}\n");
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn row(figure: &Figure) -> String {
    let cells = figure.cells().map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Missing;

    #[test]
    fn what_is_missing_is_named_below_the_table() {
        let mut report = Report::new("http", "Calls a second.");
        report.add(
            Figure::higher("calls", 400.0, "/s")
                .beside("axum", 800.0)
                .ratio_goal(0.6),
        );
        report.note("on a busy machine");
        let missing = Missing {
            peer: "wasmtime serve".to_owned(),
            install: "run this".to_owned(),
        };
        assert_eq!(report.found::<()>(Err(missing)), None);
        let expected = "## http\n\nCalls a second.\n\n\
            | | faasm | beside it | ratio | goal |\n|---|---|---|---|---|\n\
            | calls | 400 /s | axum: 800 /s | 0.50 | ≥ 0.60 × MISSED |\n\n\
            - on a busy machine\n\
            - NOT MEASURED: wasmtime serve is not installed; run this\n";
        assert_eq!(markdown(&report), expected);
    }
}
