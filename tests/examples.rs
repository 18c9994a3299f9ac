//! The examples and the templates, as their comments say.

use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use faasm_testkit::{Server, binary, build};
use reqwest::{Body, Method};

/// What both word counts say of the texts of the test.
const COUNTS: &str =
    "2 files, 9 words, 5 different\n      3 the\n      2 cat\n      2 dog\n      1 a\n      1 s\n";

fn example(path: &str) -> Bytes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    build(&[&root.join("examples").join(path)])
}

/// Stores an example as `demo/{name}`, and returns what a request calls it by.
async fn store(server: &Server, path: &str, name: &str) -> String {
    let name = format!("demo/{name}");
    if !path.ends_with(".py") {
        server.put(&name, example(path)).await;
        return name;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(path);
    let source = std::fs::read(source).unwrap();
    let path = format!("/p/{name}");
    let _ = server.stored(Method::PUT, &path, source).await.expect(200);
    format!("{name}?python=true")
}

async fn share(server: &Server, path: &str, text: impl Into<Body>) {
    let url = format!("/file/{path}");
    let _ = server.stored(Method::PUT, &url, text).await.expect(200);
}

#[tokio::test]
async fn every_example_does_what_its_comment_says() {
    let server = Server::with_python().await;
    share(&server, "texts/a.txt", "The cat, the DOG;").await;
    share(&server, "texts/.b", "the cat -- a dog's").await;
    share(&server, "texts/below/c", "not counted").await;
    let mut tested = 0;
    for (path, cases) in [
        (
            "hello/hello.c",
            &[("", "Hello, world!\n"), ("Ada", "Hello, Ada!\n")][..],
        ),
        ("echo/echo.c", &[("some text", "some text"), ("", "")]),
        (
            "fanout/fanout.c",
            &[
                ("", "the squares of 1 to 10 add up to 385\n"),
                ("100", "the squares of 1 to 100 add up to 338350\n"),
            ],
        ),
        ("wordcount/wordcount.c", &[("", COUNTS)]),
        (
            "cpp/shapes.cpp",
            &[
                ("circle 2", "circle    12.57\ntotal     12.57\n"),
                (
                    "rectangle 1 1\nrectangle 3 4",
                    "rectangle 12.00\nrectangle 1.00\ntotal     13.00\n",
                ),
            ],
        ),
        ("counter/counter.c", &[("", "1\n"), ("", "2\n")]),
        (
            "matmul/matmul.cpp",
            &[
                (
                    "1 1",
                    "the product of two 1 x 1 matrices is right, and its trace is 25\n",
                ),
                (
                    "3 2",
                    "the product of two 3 x 3 matrices is right, and its trace is 27\n",
                ),
                (
                    "",
                    "the product of two 256 x 256 matrices is right, and its trace is 76180\n",
                ),
                (
                    "300 7",
                    "the product of two 300 x 300 matrices is right, and its trace is 104868\n",
                ),
            ],
        ),
        (
            "python-hello/hello.py",
            &[("", "Hello, world!\n"), ("Ada", "Hello, Ada!\n")],
        ),
        (
            "python-echo/echo.py",
            &[("some text", "some text"), ("", "")],
        ),
        (
            "python-fanout/fanout.py",
            &[
                ("", "the squares of 1 to 10 add up to 385\n"),
                ("100", "the squares of 1 to 100 add up to 338350\n"),
            ],
        ),
        ("python-wordcount/wordcount.py", &[("", COUNTS)]),
        // The module counter/counter.c has left 2 under the same key.
        ("python-counter/counter.py", &[("", "3\n"), ("", "4\n")]),
        // One example and one worker, so that the outcome is always the same.
        (
            "sgd/sgd.cpp",
            &[(
                "10 1 1 1",
                "loss 0.693 before, 0.000 after\naccuracy 100.0 %\n",
            )],
        ),
    ] {
        let name = store(&server, path, "example").await;
        for (input, output) in cases {
            let answer = server.call(&name, *input).await.expect(200);
            assert_eq!(answer.text(), *output, "{path} with {input:?}");
        }
        tested += 1;
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = std::fs::read_dir(examples).unwrap();
    let folders = folders.map(Result::unwrap);
    // Those of MPI need a world.
    let folders = folders.filter(|entry| {
        entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with("mpi-")
    });
    assert_eq!(tested, folders.count(), "an example is not tested");
}

#[tokio::test]
async fn examples_take_large_and_wrong_input() {
    let server = Server::with_python().await;
    let bytes: Vec<u8> = (0..(8 << 20)).map(|i: u32| (i % 253) as u8).collect();
    for path in ["echo/echo.c", "python-echo/echo.py"] {
        let echo = store(&server, path, "echo").await;
        let answer = server.call(&echo, bytes.clone()).await.expect(200);
        assert!(answer.body == bytes, "{path}");
    }

    let text = "lorem ipsum dolor ".repeat(5_000);
    for number in 0..40 {
        share(&server, &format!("many/{number}"), text.clone()).await;
    }
    let words = " 200000 dolor\n 200000 ipsum\n 200000 lorem\n";
    let counts = format!("40 files, 600000 words, 3 different\n{words}");
    for path in ["wordcount/wordcount.c", "python-wordcount/wordcount.py"] {
        let wordcount = store(&server, path, "wordcount").await;
        let answer = server.call(&wordcount, "many").await.expect(200);
        assert_eq!(answer.text(), counts, "{path}");
        let stored = server.stored(Method::GET, "/file/counts/many", "").await;
        assert_eq!(stored.expect(200).text(), words, "{path}");
        for (wrong, reason) in [
            ("a/b", "the input is: the name of a directory"),
            ("none", "No such file or directory"),
        ] {
            let call = server.call_json(&wordcount, wrong).await;
            let stderr = call["stderr"].as_str().unwrap();
            assert!(stderr.contains(reason), "{path}: {call}");
            assert_eq!(call["return_value"], 1, "{path}");
        }
    }

    for path in ["fanout/fanout.c", "python-fanout/fanout.py"] {
        let fanout = store(&server, path, "fanout").await;
        for wrong in ["0", "-1", "none", "100001"] {
            let call = server.call_json(&fanout, wrong).await;
            assert_eq!(call["return_value"], 1, "{path}: {call}");
            let stderr = call["stderr"].as_str().unwrap();
            assert!(
                stderr.contains("the number of calls to make, 1 to 100000"),
                "{path}: {call}"
            );
        }
    }
    for (path, wrong) in [
        (
            "sgd/sgd.cpp",
            ["9", "none", "10 0", "10 1 65", "10 1 1 101"],
        ),
        ("matmul/matmul.cpp", ["0", "none", "2049", "-1", "5 0"]),
    ] {
        server.put("demo/shared", example(path)).await;
        for input in wrong {
            let call = server.call_json("demo/shared", input).await;
            assert_eq!(call["return_value"], 1, "{call}");
            let stderr = call["stderr"].as_str().unwrap();
            assert!(stderr.starts_with("the input is: "), "{call}");
        }
    }
    server.put("demo/shapes", example("cpp/shapes.cpp")).await;
    let call = server.call_json("demo/shapes", "hexagon 1").await;
    assert_eq!(call["stderr"], "no shape is called hexagon\n", "{call}");
}

#[tokio::test]
async fn a_hundred_concurrent_calls_count_to_a_hundred() {
    let server = Server::with_python().await;
    for (path, first) in [("counter/counter.c", 1), ("python-counter/counter.py", 101)] {
        let counter = store(&server, path, "counter").await;
        let calls = (0..100).map(|_| server.call(&counter, ""));
        let answers = futures::future::join_all(calls).await;
        let numbers = answers.into_iter().map(|answer| answer.expect(200).text());
        let mut numbers: Vec<u32> = numbers.map(|text| text.trim().parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (first..first + 100).collect::<Vec<_>>(), "{path}");
    }
}

#[tokio::test]
async fn workers_without_locks_learn_what_one_learns() {
    let server = Server::start().await;
    server.put("demo/sgd", example("sgd/sgd.cpp")).await;
    for workers in [1, 4, 16] {
        let input = format!("20000 500 {workers} 3");
        let text = server.call("demo/sgd", input).await.expect(200).text();
        let numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
        let [before, after, accuracy] = numbers.collect::<Vec<f64>>()[..] else {
            panic!("{text}");
        };
        // Weights of zero say 1/2 to everything; no model is right about more than 95 %.
        assert!((before - 2_f64.ln()).abs() < 0.001, "{text}");
        assert!(after < 0.5 && accuracy > 80.0, "{workers} workers: {text}");
    }
}

#[tokio::test]
async fn what_strips_of_a_product_computed_is_stored_when_the_call_ends() {
    let server = Server::start().await;
    server
        .put("demo/matmul", example("matmul/matmul.cpp"))
        .await;
    // Neighbours write the same chunks at the same time: a few rounds to lose a change in.
    for _ in 0..5 {
        let answer = server.call("demo/matmul", "256 8").await.expect(200);
        assert!(answer.text().ends_with("trace is 76180\n"));
        let url = format!("{}/s/demo/matmul.c", server.upload);
        let stored = reqwest::get(url).await.unwrap().bytes().await.unwrap();
        let elements = stored.chunks_exact(8);
        let diagonal = elements
            .step_by(256 + 1)
            .map(|e| f64::from_le_bytes(e.try_into().unwrap()));
        assert_eq!((stored.len(), diagonal.sum()), (256 * 256 * 8, 76180.0));
    }
}

fn faasm(server: &Server, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(args).current_dir(server.scratch());
    command.env("FAASM_UPLOAD_URL", &server.upload);
    command.env("FAASM_INVOKE_URL", &server.invoke);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    output
}

#[tokio::test]
async fn a_new_project_of_every_template_goes_up_and_greets() {
    let server = Server::with_python().await;
    for language in ["c", "cpp", "python"] {
        let dir = format!("my-{language}");
        faasm(&server, &["new", language, &dir]);
        let first = faasm(&server, &["up", &dir]);
        assert_eq!(String::from_utf8_lossy(&first.stdout), "Hello, world!\n");
        let named = faasm(&server, &["up", &dir, "-i", "Grace"]);
        assert_eq!(String::from_utf8_lossy(&named.stdout), "Hello, Grace!\n");
        let query = if language == "python" {
            "?python=true"
        } else {
            ""
        };
        let name = format!("demo/{dir}{query}");
        let answer = server.call(&name, "Ada").await.expect(200);
        assert_eq!(answer.text(), "Hello, Ada!\n");
    }
}
