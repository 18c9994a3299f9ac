//! MPI worlds: whole programs in C and C++, and worlds that do not end well.

mod endings;
mod examples;
mod memory;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use faasm_testkit::{Answer, Server, build_mpi};
use reqwest::Method;
use serde_json::json;

/// Compiles an MPI program.
pub(crate) fn mpi(source: &str) -> Bytes {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program.c");
    let headers =
        "#include <mpi.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n";
    std::fs::write(&path, format!("{headers}{source}")).unwrap();
    build_mpi(&[&path])
}

/// Calls a function as a world of so many ranks.
pub(crate) async fn world(server: &Server, name: &str, size: u32) -> Answer {
    let (user, function) = name.split_once('/').unwrap();
    let call = json!({"user": user, "function": function, "mpi": true, "mpi_world_size": size});
    server.post(call).await
}

/// A program whose ranks each do what a function `part` says, between beginning and end.
pub(crate) fn with_part(part: &str) -> bytes::Bytes {
    mpi(&format!(
        r#"static int rank, size, number;
        static void part(void) {{ {part} }}
        int main(void)
        {{
            MPI_Init(NULL, NULL);
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            MPI_Comm_size(MPI_COMM_WORLD, &size);
            part();
            return MPI_Finalize();
        }}"#
    ))
}

/// Waits until nothing of any call is left.
pub(crate) async fn nothing_runs(server: &Server) {
    for gauge in [
        "faasm_faaslets_live",
        "faasm_calls_running",
        "faasm_calls_live",
    ] {
        while server.metric(gauge, "").await > 0.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Calls a function asynchronously as a world of so many ranks; the call's id.
pub(crate) async fn submit(server: &Server, name: &str, size: u32) -> u64 {
    let url = format!("{}/invoke/{name}?async=true&mpi={size}", server.invoke);
    let answer = server.request(Method::POST, &url, "").await.expect(202);
    answer.text().parse().unwrap()
}

/// How a world has failed.
pub(crate) struct Failed {
    pub(crate) status: u16,
    pub(crate) value: String,
    /// The code of the failure and its reason.
    pub(crate) reason: String,
}

pub(crate) fn failed(answer: &Answer) -> Failed {
    let text = answer.text();
    let reason = text.split_once(" failed: ").map(|(_, reason)| reason);
    Failed {
        status: answer.status.as_u16(),
        value: answer.header("faasm-return-value").to_owned(),
        reason: reason.unwrap_or(&text).to_owned(),
    }
}

/// The programs of `tests/mpi`, which check themselves.
fn programs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mpi");
    let files = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_source = |path: &PathBuf| path.extension().is_some_and(|e| e == "c" || e == "cpp");
    files.filter(is_source).collect()
}

#[tokio::test]
async fn programs_find_all_as_they_work_it_out_in_worlds_of_all_sizes() {
    let server = Server::start().await;
    for path in programs() {
        let program = path.file_stem().unwrap().to_str().unwrap();
        let name = format!("demo/{program}");
        server.put(&name, build_mpi(&[&path])).await;
        for size in [1, 2, 3, 8] {
            let answer = world(&server, &name, size).await;
            let text = answer.text();
            assert_eq!(answer.status, 200, "{program} of {size}: {text}");
            let passed = |line: &str| line.starts_with("ok ");
            assert!(
                !text.is_empty() && text.lines().all(passed),
                "{program} of {size}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn a_program_without_a_world_is_the_only_rank_of_one() {
    let server = Server::start().await;
    let program = mpi(r#"int main(void)
        {
            int rank = -1, size = -1, got = 0, sent = 7;
            MPI_Init(NULL, NULL);
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            MPI_Comm_size(MPI_COMM_WORLD, &size);
            MPI_Allreduce(&sent, &got, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
            printf("%d of %d: %d", rank, size, got);
            return MPI_Finalize();
        }"#);
    server.put("demo/alone", program).await;
    let answer = server.call("demo/alone", "").await.expect(200);
    assert_eq!(answer.text(), "0 of 1: 7");
}

#[tokio::test]
async fn a_world_may_have_256_ranks() {
    let server = Server::start().await;
    let program = mpi(r#"int main(void)
        {
            int rank, size, sum, from;
            MPI_Init(NULL, NULL);
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);
            MPI_Comm_size(MPI_COMM_WORLD, &size);
            MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
            MPI_Sendrecv(&rank, 1, MPI_INT, (rank + 1) % size, 0, &from, 1, MPI_INT,
                         (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            if (from != (rank + size - 1) % size) return 1;
            if (rank % 100 == 0) printf("%d has %d\n", rank, sum);
            return MPI_Finalize();
        }"#);
    server.put("demo/many", program).await;
    let answer = world(&server, "demo/many", 256).await.expect(200);
    assert_eq!(answer.text(), "0 has 32640\n100 has 32640\n200 has 32640\n");
}
