//! Reports with what is needed to judge them later: when, of what, where and by what.

mod compare;
mod machine;
mod versions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::effort::Effort;
use crate::report::{Report, markdown};

pub use compare::compare;
use machine::Machine;

/// A run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Results {
    /// When it began, in UTC.
    pub date: String,
    /// The commit, and whether it is what was measured.
    pub revision: String,
    pub effort: Effort,
    pub machine: Machine,
    pub versions: BTreeMap<String, String>,
    pub reports: Vec<Report>,
}

impl Results {
    pub fn begin(effort: Effort) -> Self {
        Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            revision: revision(),
            effort,
            machine: Machine::here(),
            versions: versions::all(),
            reports: Vec::new(),
        }
    }

    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is no file of `bench --save`", path.display()))
    }

    /// Writes a JSON and a Markdown file; returns the JSON file's path.
    pub fn save(&self) -> anyhow::Result<PathBuf> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        std::fs::create_dir_all(&dir)?;
        let day = self.date.split('T').next().unwrap_or_default();
        let json = dir.join(format!("{day}-{}.json", self.revision));
        std::fs::write(&json, serde_json::to_string_pretty(self)? + "\n")?;
        std::fs::write(json.with_extension("md"), self.markdown())?;
        Ok(json)
    }

    fn markdown(&self) -> String {
        let Self {
            date,
            revision,
            effort,
            machine,
            versions,
            ..
        } = self;
        let mut text = format!(
            "# Benchmarks of {revision}\n\n{date}, {effort}, on {machine}\n\n\
             Ratios are what counts: faasm's figure divided by the one beside it.\n\n\
             | | version |\n|---|---|\n"
        );
        for (program, version) in versions {
            text += &format!("| {program} | {version} |\n");
        }
        for report in &self.reports {
            text += &format!("\n{}", markdown(report));
        }
        text
    }
}

/// The short name of the commit, with a mark if files were changed since.
fn revision() -> String {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        let output = git
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    match git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty()) {
        true => commit,
        false => commit + "-modified",
    }
}
