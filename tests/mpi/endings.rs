//! Worlds that do not end well.

use std::time::Duration;

use faasm_testkit::Server;
use reqwest::Method;
use serde_json::json;

use super::{Failed, failed, mpi, nothing_runs, submit, with_part, world};

/// Runs a world of such a program, which fails.
async fn fails(server: &Server, part: &str, size: u32) -> Failed {
    server.put("demo/failing", with_part(part)).await;
    let failed = failed(&world(server, "demo/failing", size).await);
    nothing_runs(server).await;
    failed
}

const WAIT: &str = "MPI_Recv(&number, 1, MPI_INT, 1, 99, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";

#[tokio::test]
async fn what_ends_one_rank_ends_all_with_its_number_and_the_reason() {
    let server = Server::start().await;
    for (does, value, says) in [
        (
            "__builtin_trap();",
            "-1",
            "trap: rank 1: wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "exit(5);",
            "5",
            "nonzero_return: rank 1: the function returned 5",
        ),
        (
            "exit(0);",
            "-1",
            "mpi_failed: rank 1: left without MPI_Finalize",
        ),
        (
            "MPI_Abort(MPI_COMM_WORLD, 42);",
            "42",
            "mpi_failed: rank 1: MPI_Abort with code 42",
        ),
        (
            "MPI_Abort(MPI_COMM_WORLD, 0);",
            "0",
            "mpi_failed: rank 1: MPI_Abort with code 0",
        ),
        (
            "MPI_Send(&number, 1, MPI_INT, 9, 0, MPI_COMM_WORLD);",
            "-1",
            "mpi_failed: rank 1: MPI_Send: MPI_ERR_RANK: ",
        ),
        (
            "MPI_Send((void *)0xfffffff0, 100, MPI_INT, 0, 0, MPI_COMM_WORLD);",
            "-1",
            "trap: rank 1: MPI_Send: 400 bytes at 0xfffffff0 are outside the memory",
        ),
        (
            "MPI_Init(NULL, NULL);",
            "-1",
            "mpi_failed: rank 1: MPI_Init: it is called twice",
        ),
        (
            "for (;;) putchar('x');",
            "-1",
            "output_limit: rank 1: output limit: ",
        ),
    ] {
        let part = format!("if (rank == 1) {{ {does} }} else {{ {WAIT} }}");
        let failed = fails(&server, &part, 3).await;
        assert_eq!(
            (failed.status, failed.value.as_str()),
            (500, value),
            "{does}"
        );
        assert!(failed.reason.starts_with(says), "{does}: {}", failed.reason);
    }
}

#[tokio::test]
async fn a_rank_that_returns_from_main_too_early_ends_all() {
    let server = Server::start().await;
    let says_left = "mpi_failed: rank 1: left without MPI_Finalize";
    let says_three = "nonzero_return: rank 1: the function returned 3";
    for (returns, value, says) in [("0", "-1", says_left), ("3", "3", says_three)] {
        let source = format!(
            "int main(void)
            {{
                int rank;
                MPI_Init(NULL, NULL);
                MPI_Comm_rank(MPI_COMM_WORLD, &rank);
                if (rank == 1) return {returns};
                MPI_Barrier(MPI_COMM_WORLD);
                return MPI_Finalize();
            }}"
        );
        server.put("demo/early", mpi(&source)).await;
        let failed = failed(&world(&server, "demo/early", 3).await);
        nothing_runs(&server).await;
        assert_eq!((failed.status, failed.value.as_str()), (500, value));
        assert!(failed.reason.starts_with(says), "{}", failed.reason);
    }
}

#[tokio::test]
async fn a_trap_in_one_of_eight_ranks_is_the_reason_whatever_the_others_do() {
    let server = Server::start().await;
    let part = "if (rank == 3) __builtin_trap(); \
                if (rank % 2) MPI_Barrier(MPI_COMM_WORLD); \
                else for (volatile int i = 0;; i++) {}";
    let failed = fails(&server, part, 8).await;
    assert_eq!(failed.status, 500);
    assert!(
        failed.reason.starts_with("trap: rank 3: wasm trap"),
        "{}",
        failed.reason
    );
}

#[tokio::test]
async fn a_rank_that_runs_out_of_memory_is_named_with_the_limit() {
    let server = Server::start().await;
    let part = format!(
        "if (rank == 2) for (;;) {{ char *volatile more = malloc(1 << 20); if (more == NULL) abort(); memset(more, 1, 1 << 20); }} {WAIT}"
    );
    server.put("demo/failing", with_part(&part)).await;
    let limits = server.set_limits("demo/failing", json!({"memory_bytes": 16 << 20}));
    assert_eq!(limits.await.status, 200);
    let failed = failed(&world(&server, "demo/failing", 4).await);
    assert_eq!((failed.status, failed.value.as_str()), (500, "-1"));
    let says = "memory_limit: rank 2: memory limit: growing to ";
    assert!(failed.reason.starts_with(says), "{}", failed.reason);
}

#[tokio::test]
async fn an_abort_ends_ranks_whatever_they_wait_for() {
    let server = Server::start().await;
    for others in [
        "sleep(1000);",
        "for (volatile int i = 0;; i++) {}",
        "__faasm_lock_state_write(\"key\"); sleep(1000);",
        "__faasm_await_call(__faasm_chain_ptr(nap, NULL, 0));",
        "MPI_Barrier(MPI_COMM_WORLD);",
        "int flag = 0; while (!flag) MPI_Iprobe(0, 3, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);",
    ] {
        let program = mpi(&format!(
            r#"#include <faasm/host_interface.h>
            #include <unistd.h>
            static int nap(void) {{ sleep(1000); return 0; }}
            int main(void)
            {{
                int rank;
                (void)nap;
                MPI_Init(NULL, NULL);
                MPI_Comm_rank(MPI_COMM_WORLD, &rank);
                if (rank == 0) {{
                    usleep(50000);
                    MPI_Abort(MPI_COMM_WORLD, 7);
                }}
                {others}
                return MPI_Finalize();
            }}"#
        ));
        server.put("demo/aborting", program).await;
        let ended = world(&server, "demo/aborting", 4);
        // Long before anything that they wait for, or the deadline.
        let answer = tokio::time::timeout(Duration::from_secs(30), ended).await;
        let failed = failed(&answer.unwrap());
        assert_eq!(
            (failed.status, failed.value.as_str()),
            (500, "7"),
            "{others}"
        );
        let says = "mpi_failed: rank 0: MPI_Abort with code 7";
        assert!(
            failed.reason.starts_with(says),
            "{others}: {}",
            failed.reason
        );
        let settled = tokio::time::timeout(Duration::from_secs(30), nothing_runs(&server));
        assert!(settled.await.is_ok(), "{others}: something still runs");
    }
}

#[tokio::test]
async fn cancelling_the_call_ends_all_ranks() {
    let server = Server::start().await;
    let part = format!(
        "if (rank == 0) sleep(1000); \
         if (rank == 1) for (volatile int i = 0;; i++) {{}} else {{ {WAIT} }}"
    );
    server
        .put(
            "demo/long",
            with_part(&format!("extern unsigned sleep(unsigned); {part}")),
        )
        .await;
    let id = submit(&server, "demo/long", 4).await;
    while server.metric("faasm_faaslets_live", "").await < 4.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let url = format!("{}/calls/{id}", server.invoke);
    let cancelled = server.request(Method::DELETE, &url, "").await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
    let ended = server.wait(id).await;
    assert!(ended.contains("failed: cancelled: "), "{ended}");
    nothing_runs(&server).await;
}

#[tokio::test]
async fn a_deadlock_is_told_at_once_with_what_each_rank_waits_for() {
    let server = Server::start().await;
    let part = "if (rank == 0) MPI_Barrier(MPI_COMM_WORLD); \
                else MPI_Recv(&number, 1, MPI_INT, 0, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);";
    let failed = fails(&server, part, 2).await;
    assert_eq!((failed.status, failed.value.as_str()), (500, "-1"));
    for says in [
        "mpi_failed: deadlock",
        "rank 0: MPI_Barrier(comm MPI_COMM_WORLD)",
        "rank 1: MPI_Recv(source 0, tag 7, comm MPI_COMM_WORLD)",
    ] {
        assert!(failed.reason.contains(says), "{}", failed.reason);
    }
}

#[tokio::test]
async fn the_deadline_ends_all_ranks_whatever_they_do() {
    let server = Server::start().await;
    let part = format!("if (rank == 0) for (volatile int i = 0;; i++) {{}} else {{ {WAIT} }}");
    server.put("demo/failing", with_part(&part)).await;
    let limits = server.set_limits("demo/failing", json!({"time_ms": 300}));
    assert_eq!(limits.await.status, 200);
    let failed = failed(&world(&server, "demo/failing", 4).await);
    assert_eq!((failed.status, failed.value.as_str()), (504, "-1"));
    let is_named = failed.reason.starts_with("time_limit: rank ");
    assert!(
        is_named && failed.reason.contains("its limit"),
        "{}",
        failed.reason
    );
    nothing_runs(&server).await;
}

#[tokio::test]
async fn functions_that_mpi_calls_must_be_what_it_calls_and_not_wait_for_others() {
    let server = Server::start().await;
    let reduce = |function: &str| {
        format!(
            "MPI_Op op; int got; MPI_Op_create((MPI_User_function *){function}, 0, &op); \
             MPI_Allreduce(&rank, &got, 1, MPI_INT, op, MPI_COMM_WORLD);"
        )
    };
    let program = |function: &str, part: &str| {
        mpi(&format!(
            r#"static int rank, number;
            {function}
            int main(void)
            {{
                MPI_Init(NULL, NULL);
                MPI_Comm_rank(MPI_COMM_WORLD, &rank);
                {part}
                return MPI_Finalize();
            }}"#
        ))
    };
    let waits = "static void waits(void *a, void *b, int *n, MPI_Datatype *t) \
                 { MPI_Recv(&number, 1, MPI_INT, 1, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE); }";
    for (function, name, says) in [
        (
            "static int wrong(int a) { return a; }",
            "wrong",
            "mpi_failed: rank 0: MPI_Allreduce: the function of the operation, number ",
        ),
        (
            waits,
            "waits",
            "mpi_failed: rank 0: MPI_Recv: functions that the host has called must not wait",
        ),
    ] {
        server
            .put("demo/op", program(function, &reduce(name)))
            .await;
        let failed = failed(&world(&server, "demo/op", 2).await);
        assert_eq!(failed.status, 500);
        assert!(failed.reason.starts_with(says), "{name}: {}", failed.reason);
        nothing_runs(&server).await;
    }
}

#[tokio::test]
async fn ranks_that_ask_again_and_again_leave_the_processor_to_the_others() {
    let server = Server::start().await;
    // Every rank but one asks all the time for what the one still has to compute.
    let part = r#"
        for (int turn = 0; turn < 64; turn++) {
            if (rank == turn % size) {
                volatile long sum = 0;
                for (long i = 0; i < 200000; i++) sum += i;
                for (int other = 0; other < size; other++)
                    if (other != rank) MPI_Send(&turn, 1, MPI_INT, other, turn, MPI_COMM_WORLD);
            } else {
                MPI_Request request;
                MPI_Irecv(&number, 1, MPI_INT, turn % size, turn, MPI_COMM_WORLD, &request);
                for (int done = 0; !done;)
                    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
                if (number != turn) exit(1);
            }
        }"#;
    server.put("demo/asking", with_part(part)).await;
    let _ = world(&server, "demo/asking", 8).await.expect(200);
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
