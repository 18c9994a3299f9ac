//! The MPI programs among the examples, as their comments say.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use faasm_testkit::{Server, build_mpi};

/// A program, and what rank 0 prints in a world of so many ranks.
type Example = (&'static str, fn(u32) -> String);

const EXAMPLES: [Example; 5] = [
    ("mpi-matmul/matmul.c", |size| {
        format!(
            "{size} ranks: the product of two 200 x 200 matrices is right, and its trace is -271\n"
        )
    }),
    ("mpi-pi/pi.c", |size| {
        format!("{size} ranks: pi is 3.141592654\n")
    }),
    ("mpi-ring/ring.c", |size| {
        let number = 3 * size * (size - 1) / 2;
        format!("{size} ranks, 3 laps: the number is {number}, which is right\n")
    }),
    ("mpi-sort/sort.cpp", |size| {
        let first = [(1, 50_000), (2, 49_946), (8, 49_788)];
        let first = first.into_iter().find(|(ranks, _)| *ranks == size);
        let (all, first) = (size * 50_000, first.unwrap().1);
        format!("{size} ranks sorted {all} numbers: right; the first rank has {first} of them\n")
    }),
    ("mpi-stencil/stencil.c", |size| {
        let dims = [(1, "1 x 1"), (2, "2 x 1"), (8, "4 x 2")];
        let (_, dims) = dims.into_iter().find(|(ranks, _)| *ranks == size).unwrap();
        format!(
            "{dims} ranks, 200 steps: 0 of 14400 points are wrong, and the middle of the first row has \
             88.765362 degrees\n"
        )
    }),
];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn example(path: &str) -> Bytes {
    build_mpi(&[&examples().join(path)])
}

#[tokio::test]
async fn every_mpi_example_does_what_its_comment_says_in_worlds_of_1_2_and_8_ranks() {
    let server = Server::start().await;
    for (path, expected) in EXAMPLES {
        server.put("demo/example", example(path)).await;
        for size in [1, 2, 8] {
            let answer = super::world(&server, "demo/example", size).await;
            let text = answer.text();
            if (path, size) == ("mpi-ring/ring.c", 1) {
                assert_eq!(answer.status, 500, "{text}");
                assert!(text.contains("rank 0: the function returned 1"), "{text}");
                continue;
            }
            assert_eq!(answer.status, 200, "{path} of {size}: {text}");
            assert_eq!(text, expected(size), "{path} of {size}");
        }
    }
}

#[test]
fn every_folder_of_an_mpi_example_is_tested() {
    let names = std::fs::read_dir(examples()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = names.filter(|name| name.starts_with("mpi-")).collect();
    folders.sort();
    let tested = EXAMPLES.map(|(path, _)| path.split_once('/').unwrap().0);
    assert_eq!(folders, tested);
}
