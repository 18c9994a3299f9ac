//! Worlds that do not end well.

use std::time::Duration;

use faasm_testkit::Server;
use serde_json::json;

use super::{mpi, world};

/// A program whose ranks each do what a function `part` says, between beginning and end.
fn with_part(part: &str) -> bytes::Bytes {
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

/// Waits until no Faaslet is left.
async fn nothing_runs(server: &Server) {
    while server.metric("faasm_faaslets_live", "").await > 0.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the answer to a world says that has failed.
async fn failed(server: &Server, part: &str, size: u32) -> String {
    server.put("demo/failing", with_part(part)).await;
    let answer = world(server, "demo/failing", size).await;
    assert_ne!(answer.status, 200);
    nothing_runs(server).await;
    answer.text()
}

const WAIT: &str = "MPI_Recv(&number, 1, MPI_INT, 1, 99, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";

#[tokio::test]
async fn what_ends_one_rank_ends_all_with_its_number_and_the_reason() {
    let server = Server::start().await;
    for (does, says) in [
        ("__builtin_trap();", "rank 1: "),
        ("exit(3);", "rank 1: "),
        (
            "MPI_Abort(MPI_COMM_WORLD, 42);",
            "rank 1: MPI_Abort with code 42",
        ),
        (
            "MPI_Send(&number, 1, MPI_INT, 9, 0, MPI_COMM_WORLD);",
            "rank 1: MPI_Send: MPI_ERR_RANK",
        ),
        (
            "MPI_Send((void *)0xfffffff0, 100, MPI_INT, 0, 0, MPI_COMM_WORLD);",
            "MPI_Send: 400 bytes at 0xfffffff0 are outside the memory",
        ),
        ("MPI_Init(NULL, NULL);", "MPI_Init: it is called twice"),
        ("exit(0);", "rank 1: left without MPI_Finalize"),
    ] {
        let part = format!("if (rank == 1) {{ {does} }} else {{ {WAIT} }}");
        let text = failed(&server, &part, 3).await;
        assert!(text.contains(says), "{does}: {text}");
    }
}

#[tokio::test]
async fn a_deadlock_is_told_at_once_with_what_each_rank_waits_for() {
    let server = Server::start().await;
    let part = "if (rank == 0) MPI_Barrier(MPI_COMM_WORLD); \
                else MPI_Recv(&number, 1, MPI_INT, 0, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";
    let text = failed(&server, part, 2).await;
    for says in [
        "deadlock",
        "rank 0: MPI_Barrier(comm MPI_COMM_WORLD)",
        "rank 1: MPI_Recv(source 0, tag 7, comm MPI_COMM_WORLD)",
    ] {
        assert!(text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn the_deadline_ends_all_ranks_whatever_they_do() {
    let server = Server::start().await;
    let part = format!("if (rank == 0) for (volatile int i = 0;; i++) {{}} else {{ {WAIT} }}");
    server.put("demo/failing", with_part(&part)).await;
    let limits = server.set_limits("demo/failing", json!({"time_ms": 300}));
    assert_eq!(limits.await.status, 200);
    let answer = world(&server, "demo/failing", 4).await;
    assert!(answer.text().contains("time limit"), "{}", answer.text());
    nothing_runs(&server).await;
}

/// Ranks that are stopped while large messages are copied write into nobody's memory afterwards.
#[tokio::test]
async fn worlds_that_end_in_the_middle_of_copies_harm_nobody() {
    let server = Server::start().await;
    let part = r#"
        int bytes = 3 << 20, next = (rank + 1) % size, former = (rank + size - 1) % size;
        char *out = malloc(bytes), *in = malloc(bytes);
        memset(out, 0xab, bytes);
        for (int turn = 0;; turn++) {
            MPI_Sendrecv(out, bytes, MPI_CHAR, next, 0, in, bytes, MPI_CHAR, former, 0,
                         MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Allreduce(out, in, bytes, MPI_BYTE, MPI_BOR, MPI_COMM_WORLD);
            if (rank == 2 && turn == 5) __builtin_trap();
        }"#;
    server.put("demo/copying", with_part(part)).await;
    let fresh = mpi(r#"int main(void)
        {
            int bytes = 8 << 20;
            volatile unsigned char *memory = calloc(bytes, 1), *raw = malloc(bytes);
            for (int turn = 0; turn < 20; turn++)
                for (int i = 0; i < bytes; i++)
                    if (memory[i] != 0 || raw[i] == 0xab) return 1;
            return 0;
        }"#);
    server.put("demo/fresh", fresh).await;
    for _ in 0..5 {
        let copying = world(&server, "demo/copying", 4);
        let fresh = async {
            let calls = (0..6).map(|_| server.call("demo/fresh", ""));
            futures::future::join_all(calls).await
        };
        let (copying, fresh) = tokio::join!(copying, fresh);
        assert!(copying.text().contains("rank 2"), "{}", copying.text());
        for answer in fresh {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}
