//! CPython's own tests, in Faaslets: `scripts/python/conformance` runs them.

use std::path::Path;

use faasm_testkit::binary;

/// Runs modules of them, all for none.
async fn passes(modules: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/conformance");
    let mut run = tokio::process::Command::new(script);
    let output = run
        .args(modules)
        .env("FAASM", binary())
        .output()
        .await
        .unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}{stderr}");
    let ran = stdout
        .lines()
        .filter(|line| line.contains(" ran, "))
        .count();
    assert!(ran >= modules.len().max(1), "{stdout}");
}

#[tokio::test]
async fn some_of_cpython_s_own_tests_pass() {
    passes(&["test_json", "test_struct"]).await;
}

#[tokio::test]
async fn all_of_cpython_s_own_tests_that_apply_pass() {
    if crate::is_long() {
        passes(&[]).await;
    }
}
