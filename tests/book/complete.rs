//! What the documents list, against what there is.

use std::path::{Path, PathBuf};
use std::process::Command;

use faasm_model::FailureKind;
use faasm_testkit::{Server, binary, wat_noop};

use super::document::{anchors, documents, links, read, root};

#[test]
fn every_link_leads_somewhere() {
    for document in documents() {
        for target in links(&read(&document)) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let linked = match path {
                "" => PathBuf::from(&document),
                _ => Path::new(&document).parent().unwrap().join(path),
            };
            let full = root().join(&linked);
            assert!(
                full.exists(),
                "{document} links to {target}, which is not there"
            );
            let known =
                anchor.is_empty() || anchors(&read(&linked.display().to_string())).contains(anchor);
            assert!(
                known,
                "{document} links to {target}, and there is no such heading"
            );
        }
    }
}

#[test]
fn every_code_of_an_error_has_a_help_page() {
    let page = read("docs/errors.md");
    let requests = faasm_http::ErrorCode::ALL.iter();
    let requests = requests.map(|code| (code.as_str(), Some(code.status().as_u16())));
    for (code, status) in requests.chain(failure_codes().iter().map(|code| (code.as_str(), None))) {
        assert!(
            page.contains(&format!("\n### `{code}`\n")),
            "{code} has no page"
        );
        let row = format!("\n| [`{code}`](#{code}) | ");
        let row = status.map_or(row.clone(), |status| format!("{row}{status} |"));
        assert!(page.contains(&row), "no table has {row}");
    }
}

/// The codes of all kinds of failures. Their names are only known to whoever reads one
/// that does not exist.
fn failure_codes() -> Vec<String> {
    let error = serde_json::from_str::<FailureKind>("\"\"")
        .unwrap_err()
        .to_string();
    let names = error.split('`').skip(3).step_by(2);
    let kind = |name: &str| -> FailureKind { serde_json::from_value(name.into()).unwrap() };
    let codes: Vec<_> = names.map(|name| kind(name).code().to_owned()).collect();
    assert!(codes.len() > 10, "{error}");
    codes
}

#[test]
fn every_setting_is_described() {
    let page = read("docs/configuration.md");
    let help = help(&["serve", "--help"]);
    let own = help.split("Common options").next().unwrap_or_default();
    let lines = own.lines().map(str::trim_start);
    let options = lines.filter_map(|line| line.strip_prefix("--")?.split([' ', '[']).next());
    let options: Vec<_> = options.collect();
    assert!(options.len() > 15, "{help}");
    for option in options {
        let variable = format!("`FAASM_{}`", option.to_uppercase().replace('-', "_"));
        let is_row = |line: &str| {
            let rest = line.strip_prefix(&format!("| `--{option}"));
            rest.is_some_and(|rest| rest.starts_with([' ', '`'])) && line.contains(&variable)
        };
        let described = page.lines().any(is_row);
        assert!(
            described,
            "docs/configuration.md has no row for --{option} and {variable}"
        );
    }
}

#[test]
fn every_verb_is_described() {
    let page = read("docs/cli.md");
    let help = help(&["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let list = list.split("\n\n").next().unwrap_or_default();
    let verbs: Vec<_> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.contains(&"serve"), "{help}");
    for verb in verbs.into_iter().filter(|verb| *verb != "help") {
        assert!(
            page.contains(&format!("\n| `faasm {verb}")),
            "docs/cli.md has no row for {verb}"
        );
    }
}

fn help(args: &[&str]) -> String {
    let output = Command::new(binary()).args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn every_metric_is_described() {
    let page = read("docs/operations.md");
    let server = Server::start().await;
    server.put("demo/noop", wat_noop()).await;
    let _ = server.call("demo/noop", "").await.expect(200);
    let metrics = server.get("/metrics").await.expect(200).text();
    let names = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let names: Vec<_> = names.collect();
    assert!(names.len() > 10, "{metrics}");
    for name in names {
        assert!(
            page.contains(&format!("\n| `{name}` |")),
            "{name} is not in docs/operations.md"
        );
    }
}
