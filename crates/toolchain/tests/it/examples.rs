//! Every example and every template builds, and does what its comment says.

use std::fs;

use crate::support::{Guest, Workshop, repository};
use faasm_model::FunctionName;
use faasm_toolchain::{BuildOptions, Code, Error, Project, Template};

fn example(path: &str) -> Guest {
    let shop = Workshop::new();
    let mut options = BuildOptions::new([repository("examples").join(path)], shop.output());
    options.cflags = ["-Wall", "-Wextra", "-Werror"].map(String::from).into();
    shop.module(&options)
}

#[test]
fn hello_greets_the_name_in_the_input() {
    let hello = example("hello/hello.c");
    assert_eq!(hello.run("").stdout, "Hello, world!\n");
    assert_eq!(hello.run("Ada").stdout, "Hello, Ada!\n");
    assert_eq!(
        hello.run(&"x".repeat(1000)).stdout.len(),
        "Hello, !\n".len() + 99
    );
}

#[test]
fn echo_answers_with_its_input() {
    let echo = example("echo/echo.c");
    assert!(echo.run("").output.is_empty());
    let long = "some text ".repeat(100_000);
    assert_eq!(echo.run(&long).output, long.as_bytes());
}

#[test]
fn fanout_and_wordcount_chain_and_await() {
    for guest in [example("fanout/fanout.c"), example("wordcount/wordcount.c")] {
        let mut imports = guest.imports_of("env");
        imports.sort();
        assert_eq!(
            imports,
            [
                "__faasm_await_call_output",
                "__faasm_chain_ptr",
                "__faasm_read_input",
                "__faasm_write_output"
            ]
        );
    }
}

#[test]
fn shapes_are_listed_by_area() {
    let shapes = example("cpp/shapes.cpp");
    let listed = shapes.run("rectangle 3 4\ncircle 2\n").stdout;
    assert_eq!(
        listed,
        "circle    12.57\nrectangle 12.00\ntotal     24.57\n"
    );
    assert!(shapes.run("").stdout.ends_with("total     10.14\n"));
}

#[test]
fn counter_counts_under_the_write_lock() {
    let counted = example("counter/counter.c").run("").stdout;
    assert_eq!(counted, "+write counter\n-write counter\n1\n");
}

#[test]
fn sgd_and_matmul_map_their_state() {
    for guest in [example("sgd/sgd.cpp"), example("matmul/matmul.cpp")] {
        let imports = guest.imports_of("env");
        for wanted in [
            "__faasm_chain_ptr",
            "__faasm_lock_state_write",
            "__faasm_read_state_offset_ptr",
            "__faasm_read_state_ptr",
        ] {
            assert!(imports.iter().any(|i| i == wanted), "{imports:?}");
        }
    }
}

#[test]
fn every_example_is_built_by_a_test() {
    let tested = concat!(include_str!("examples.rs"), include_str!("mpi.rs"));
    for dir in fs::read_dir(repository("examples"))
        .unwrap()
        .map(|e| e.unwrap().path())
    {
        for file in dir
            .read_dir()
            .into_iter()
            .flatten()
            .map(|e| e.unwrap().file_name())
        {
            let name = file.to_str().unwrap();
            let code = [".c", ".cpp"].iter().any(|suffix| name.ends_with(suffix));
            assert!(!code || tested.contains(&format!("/{name}\"")), "{name}");
        }
    }
}

#[test]
fn a_new_project_builds_and_greets() {
    for template in Template::ALL {
        let shop = Workshop::new();
        let dir = shop.dir.path().join("project");
        let name = FunctionName::new("ada", "greet").unwrap();
        template.write(&dir, &name).unwrap();
        let project = Project::load(&dir).unwrap();
        assert_eq!(project.name, name);
        assert_eq!(template.name().parse(), Ok(template));
        let Code::Sources(build) = project.code else {
            assert!(dir.join("function.py").is_file());
            continue;
        };
        let guest = shop.module(&build);
        assert!(dir.join("greet.wasm").is_file());
        assert_eq!(guest.run("Grace").stdout, "Hello, Grace!\n");
    }
}

#[test]
fn a_new_project_never_overwrites() {
    let shop = Workshop::new();
    shop.write("precious.c", "");
    let name = FunctionName::new("ada", "greet").unwrap();
    let refused = Template::C.write(shop.dir.path(), &name);
    assert!(matches!(refused, Err(Error::NotEmpty(_))), "{refused:?}");
    assert!("rust".parse::<Template>().is_err());
}

#[test]
fn a_project_file_is_checked() {
    let good = "user = \"ada\"\nfunction = \"f\"\nsources = [\"a.c\"]\n";
    for (text, complaint) in [
        ("", "missing field"),
        (&format!("{good}colour = 1\n"), "unknown field `colour`"),
        (&good.replace("sources = [\"a.c\"]\n", ""), "`sources`"),
        (
            &format!("{good}language = \"python\"\n"),
            "leave out `sources`",
        ),
        (
            &format!("{good}language = \"rust\"\n"),
            "unknown variant `rust`",
        ),
        (
            &good.replace("\"f\"", "\"../f\""),
            "a name is 1 to 128 characters",
        ),
        (&good.replace("[\"a.c\"]", "\"a.c\""), "sequence"),
        ("user = ", "function.toml"),
    ] {
        let shop = Workshop::new();
        shop.write(Project::FILE, text);
        let error = Project::load(shop.dir.path()).unwrap_err().to_string();
        assert!(
            error.contains(complaint) && error.contains("function.toml"),
            "{error}"
        );
    }
}
