//! `faasm-cc` and `faasm-c++` as makefiles and `configure` scripts call them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use faasm_toolchain::{Driven, Driver, Error};

use crate::support::{Guest, Workshop};

const MAIN: &str = "#include <stdio.h>\n#include \"twice.h\"\n\
    int main(void) { printf(\"%d\\n\", twice(NUMBER)); return 0; }";
const TWICE: &str = "#include \"twice.h\"\nint twice(int n) { return 2 * n; }";

/// A shop with two sources and a header.
fn shop() -> Workshop {
    let shop = Workshop::new();
    shop.write("main.c", MAIN);
    shop.write("twice.c", TWICE);
    shop.write("twice.h", "int twice(int n);");
    shop
}

/// Runs a command line in which `$` is the shop's directory.
fn drive(shop: &Workshop, driver: Driver, line: &str) -> Result<Driven, Error> {
    let dir = shop.dir.path().to_str().unwrap();
    let words = line.split(' ').map(|word| word.replace('$', dir));
    shop.toolchain.drive(driver, words.collect())
}

fn cc(shop: &Workshop, line: &str) -> Driven {
    drive(shop, Driver::C, line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn printed(shop: &Workshop, name: &str) -> String {
    Guest::read(&shop.dir.path().join(name)).run("").stdout
}

#[test]
fn objects_are_compiled_one_by_one_and_linked() {
    let shop = shop();
    for line in [
        "-O2 -g -Wall -MMD -MP -DNUMBER=21 -c $/main.c -o $/main.o",
        "-c -o $/twice.o $/twice.c -fPIC -march=native",
    ] {
        assert_eq!(cc(&shop, line), Driven::Clang(0), "{line}");
    }
    let dependencies = fs::read_to_string(shop.dir.path().join("main.d")).unwrap();
    assert!(dependencies.contains("main.o:") && dependencies.contains("twice.h"));
    let linked = cc(&shop, "-O2 -g -o $/program $/main.o $/twice.o -lm -lmpi");
    assert_eq!(linked, Driven::Linked(String::new()));
    assert_eq!(printed(&shop, "program"), "42\n");
    let program = fs::metadata(shop.dir.path().join("program")).unwrap();
    assert!(program.permissions().mode() & 0o100 != 0);
}

#[test]
fn sources_objects_and_libraries_are_linked_in_one_go() {
    let shop = shop();
    assert_eq!(cc(&shop, "-c $/twice.c -o $/twice.o"), Driven::Clang(0));
    let words = "-O1 -DNUMBER=4 $/main.c\n\"$/twice.o\" -MMD -o $/program";
    let dir = shop.dir.path().to_str().unwrap();
    shop.write("arguments", &words.replace('$', dir));
    assert_eq!(cc(&shop, "@$/arguments"), Driven::Linked(String::new()));
    assert_eq!(printed(&shop, "program"), "8\n");
    let dependencies = fs::read_to_string(shop.dir.path().join("program.d")).unwrap();
    assert!(
        dependencies.starts_with(&format!("{dir}/program:")),
        "{dependencies}"
    );
}

#[test]
fn cxx_is_linked_by_its_own_driver() {
    let shop = Workshop::new();
    shop.write(
        "main.cpp",
        "#include <iostream>\n#include <mpi.h>\n\
         int main() { std::cout << sizeof(MPI_Status) << '\\n'; }",
    );
    for (driver, line) in [
        (Driver::C, "-c $/main.cpp -o $/main.o"),
        (Driver::Cxx, "-std=c++20 -c $/main.cpp -o $/main.o"),
    ] {
        assert_eq!(drive(&shop, driver, line).unwrap(), Driven::Clang(0));
        let linked = drive(&shop, Driver::Cxx, "$/main.o -o $/program").unwrap();
        assert_eq!(linked, Driven::Linked(String::new()));
        assert_eq!(printed(&shop, "program"), "32\n");
    }
}

/// What `configure` asks: whether a program with this function can be linked.
#[test]
fn functions_that_are_nowhere_fail_the_link() {
    let shop = Workshop::new();
    for (name, is_there) in [
        ("clock_gettime", true),
        ("MPI_Send", true),
        ("MPI_Win_create", false),
        ("fork", false),
    ] {
        let text = format!("char {name}(void);\nint main(void) {{ return {name}(); }}");
        shop.write("conftest.c", &text);
        let linked = drive(&shop, Driver::C, "-w $/conftest.c -o $/conftest");
        assert_eq!(linked.is_ok(), is_there, "{name}: {linked:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let shop = shop();
    let failed = drive(&shop, Driver::C, "$/main.c $/twice.c -o $/program");
    let Err(Error::Compile { diagnostics, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert!(diagnostics.contains("main.c:3:") && diagnostics.contains("NUMBER"));
    assert_eq!(
        cc(&shop, "-DNUMBER=1 -c $/main.c -o $/main.o"),
        Driven::Clang(0)
    );
    let failed = drive(&shop, Driver::C, "$/main.o -o $/program").unwrap_err();
    assert!(
        failed.to_string().contains("`twice`: used by") && failed.to_string().contains("main.o"),
        "{failed}"
    );
    assert!(matches!(
        drive(&shop, Driver::C, "$/none.c"),
        Err(Error::NoSource(_))
    ));
}
