//! Programs with MPI: what they import, and what they are refused for.

use std::collections::BTreeSet;
use std::fs;

use faasm_toolchain::{BuildOptions, Error};

use crate::support::{Workshop, repository};

const RING: &str = "#include <mpi.h>\n\
    int main(int argc, char **argv) {\n\
        MPI_Init(&argc, &argv);\n\
        return MPI_Finalize();\n\
    }\n";

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(repository("sdk/c/include/mpi.h")).unwrap();
    let starts = header.lines().filter_map(|line| {
        let (result, rest) = line.split_once(" MPI_")?;
        let name = rest.split_once('(')?.0;
        ["int", "double", "MPI_Aint"]
            .contains(&result)
            .then(|| format!("MPI_{name}"))
    });
    starts.collect()
}

fn checked(shop: &Workshop, name: &str, text: &str) -> BuildOptions {
    let mut options = shop.options(name, text);
    options.mpi = true;
    options.cflags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        .map(String::from)
        .into();
    options
}

/// A program that needs all of it, so that none can be left out.
fn everything() -> String {
    let addresses: String = declared().iter().map(|f| format!("(F){f},")).collect();
    format!(
        "#include <mpi.h>\n\
         typedef void (*F)(void);\n\
         F volatile all[] = {{ {addresses} }};\n\
         int main(void) {{ return all[0] == all[1]; }}\n"
    )
}

#[test]
fn every_function_of_the_header_is_imported_under_its_name() {
    let shop = Workshop::new();
    for source in ["all.c", "all.cpp"] {
        let built = shop
            .toolchain
            .build(&checked(&shop, source, &everything()))
            .unwrap_or_else(|e| panic!("{e}"));
        let imports: BTreeSet<String> = built.imports.into_iter().collect();
        assert_eq!(imports, declared());
        assert_eq!(built.warnings, "");
    }
    assert!(declared().len() > 150);
}

#[test]
fn the_header_is_that_of_any_standard_of_c_and_of_cxx() {
    let shop = Workshop::new();
    for (source, standard) in [
        ("a.c", "-std=c89"),
        ("a.c", "-std=c17"),
        ("a.cpp", "-std=c++11"),
        ("a.cpp", "-std=c++20"),
    ] {
        let mut options = checked(&shop, source, RING);
        options.cflags.push(standard.into());
        let built = shop.toolchain.build(&options);
        assert_eq!(
            built.unwrap_or_else(|e| panic!("{e}")).imports,
            ["MPI_Finalize", "MPI_Init"]
        );
    }
}

#[test]
fn examples_of_mpi_build_without_warnings() {
    for path in [
        "mpi-pi/pi.c",
        "mpi-ring/ring.c",
        "mpi-stencil/stencil.c",
        "mpi-sort/sort.cpp",
        "mpi-matmul/matmul.c",
    ] {
        let shop = Workshop::new();
        let mut options = checked(&shop, "unused.c", "");
        options.sources = vec![repository("examples").join(path)];
        let built = shop
            .toolchain
            .build(&options)
            .unwrap_or_else(|e| panic!("{e}"));
        assert!(
            built
                .imports
                .iter()
                .all(|import| import.starts_with("MPI_")),
            "{path}: {:?}",
            built.imports
        );
    }
}

#[test]
fn programs_with_mpi_need_to_be_built_with_it() {
    let shop = Workshop::new();
    let error = shop.build("ring.c", RING).unwrap_err();
    assert!(matches!(error, Error::WithoutMpi(_)));
    assert!(error.to_string().contains("--mpi"), "{error}");
    assert!(!shop.output().exists());
}

#[test]
fn what_there_is_not_of_mpi_is_named() {
    let shop = Workshop::new();
    let text = "int MPI_Win_create(void);\nint main(void) { return MPI_Win_create(); }";
    let error = shop.toolchain.build(&checked(&shop, "win.c", text));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("MPI_Win_create") && error.contains("win.c"),
        "{error}"
    );
}

/// The server has no numbers of 128 bits, and leaves them to the program.
#[test]
fn long_doubles_are_reduced_by_the_program() {
    let shop = Workshop::new();
    let text = r#"
        #include <mpi.h>
        #include <stdio.h>
        int __faasm_mpi_reduce(const void *, void *, int, MPI_Datatype, MPI_Op);
        struct pair { long double value; int index; };
        int main(void) {
            long double in[2] = {3, 0.1L}, out[2] = {4, 0.2L};
            int ended = __faasm_mpi_reduce(in, out, 2, MPI_LONG_DOUBLE, MPI_SUM);
            printf("%d %Lg %d\n", ended, out[0], out[1] == 0.1L + 0.2L);
            ended = __faasm_mpi_reduce(in, out, 2, MPI_LONG_DOUBLE, MPI_MIN);
            printf("%d %Lg %d\n", ended, out[0], out[1] == 0.1L);
            long double _Complex i = 1.0il, j = 2 + 1.0il;
            ended = __faasm_mpi_reduce(&i, &j, 1, MPI_C_LONG_DOUBLE_COMPLEX, MPI_PROD);
            printf("%d %Lg %Lg\n", ended, __real__ j, __imag__ j);
            struct pair mine = {7, 5}, theirs[2] = {{7, 3}, {6, 9}};
            ended = __faasm_mpi_reduce(&theirs[0], &mine, 1, MPI_LONG_DOUBLE_INT, MPI_MAXLOC);
            printf("%d %Lg %d\n", ended, mine.value, mine.index);
            ended = __faasm_mpi_reduce(&theirs[1], &mine, 1, MPI_LONG_DOUBLE_INT, MPI_MINLOC);
            printf("%d %Lg %d\n", ended, mine.value, mine.index);
            printf("%d %d %d\n",
                __faasm_mpi_reduce(in, out, 1, MPI_LONG_DOUBLE, MPI_BAND) == MPI_ERR_OP,
                __faasm_mpi_reduce(&i, &j, 1, MPI_C_LONG_DOUBLE_COMPLEX, MPI_MAX) == MPI_ERR_OP,
                __faasm_mpi_reduce(in, out, 1, MPI_DOUBLE, MPI_SUM) == MPI_ERR_TYPE);
            return 0;
        }"#;
    let mut options = shop.options("long.c", text);
    options.mpi = true;
    let guest = shop.module(&options);
    assert!(guest.exports().iter().any(|e| e == "__faasm_mpi_reduce"));
    assert_eq!(
        guest.run("").stdout,
        "0 7 1\n0 3 1\n0 -1 2\n0 7 3\n0 6 9\n1 1 1\n"
    );
}

#[test]
fn programs_without_mpi_have_nothing_of_it() {
    let shop = Workshop::new();
    let guest = shop.module(&shop.options("none.c", "int main(void) { return 0; }"));
    assert!(!guest.exports().iter().any(|e| e.contains("mpi")));
}
