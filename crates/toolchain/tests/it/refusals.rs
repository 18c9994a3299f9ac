//! Programs and machines that cannot be built, and what is said about them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::Workshop;
use faasm_toolchain::{BuildOptions, Error, Search, Toolchain};

#[test]
fn a_broken_source_shows_clangs_words_and_leaves_the_old_output() {
    let shop = Workshop::new();
    let error = shop
        .build("bad.c", "int main(void) { retrun 0; }")
        .unwrap_err();
    assert!(
        matches!(&error, Error::Compile { path, .. } if path.ends_with("bad.c")),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.contains("bad.c:1:18: error: ") && said.contains("retrun"),
        "{said}"
    );
    assert!(!shop.output().exists());

    fs::write(shop.output(), "old").unwrap();
    shop.build("bad.c", "int main(void) { retrun 0; }")
        .unwrap_err();
    assert_eq!(fs::read(shop.output()).unwrap(), b"old");
    let left = fs::read_dir(shop.dir.path()).unwrap().count();
    assert_eq!(left, 2, "only the source and the output");
}

#[test]
fn every_undefined_symbol_is_named_with_the_sources_that_use_it() {
    let shop = Workshop::new();
    let a = shop.write("a.c", "int foo(int); int main(void) { return foo(1); }");
    let b = shop.write(
        "b.cpp",
        "int bar(long); extern \"C\" int foo(int); int baz() { return bar(2) + foo(1); }\n\
        int (*keep)() __attribute__((used, visibility(\"default\"), retain)) = baz;",
    );
    let mut options = BuildOptions::new([&a, &b], shop.output());
    // Keeps `b` although nothing calls it.
    options.ldflags = vec!["-Wl,--export=_Z3bazv".into()];
    let error = shop.toolchain.build(&options).unwrap_err();
    let said = error.to_string();
    let Error::Undefined(mut undefined) = error else {
        panic!("{said}")
    };
    undefined.sort_by(|x, y| x.symbol.cmp(&y.symbol));
    let symbols: Vec<_> = undefined.iter().map(|u| u.symbol.as_str()).collect();
    assert_eq!(symbols, ["bar(long)", "foo"]);
    assert_eq!(undefined[1].used_by, [a, b]);
    assert!(said.contains("undefined symbol `foo`: used by "), "{said}");
    assert!(!shop.output().exists());
}

#[test]
fn an_undefined_variable_is_an_error_too() {
    let shop = Workshop::new();
    let text = "extern int nowhere; int main(void) { return nowhere; }";
    let said = shop.build("f.c", text).unwrap_err().to_string();
    assert!(
        said.contains("undefined symbol: nowhere") && said.contains("0-f.o"),
        "{said}"
    );
    assert!(!said.contains("/.tmp"), "{said}");
}

#[test]
fn names_of_the_host_interface_may_stay_undefined_without_the_sdk() {
    let shop = Workshop::new();
    let text = "unsigned __faasm_conf_flag(const char *); int MPI_Barrier(int); int __faasm_conf_flags(int);\n\
        int main(void) { return __faasm_conf_flag(\"x\") + MPI_Barrier(1) EXTRA; }";
    let mut options = shop.options("f.c", text);
    options.mpi = true;
    options.defines = vec!["EXTRA=".into()];
    let built = shop.toolchain.build(&options).unwrap();
    assert_eq!(built.imports, ["MPI_Barrier", "__faasm_conf_flag"]);
    options.defines = vec!["EXTRA=+ __faasm_conf_flags(1)".into()];
    let said = shop.toolchain.build(&options).unwrap_err().to_string();
    assert!(
        said.contains("`__faasm_conf_flags`") && !said.contains("MPI_Barrier"),
        "{said}"
    );
}

#[test]
fn a_program_without_main_is_told_so() {
    for name in ["f.c", "f.cpp"] {
        let shop = Workshop::new();
        let error = shop
            .build(name, "int helper(void) { return 1; }")
            .unwrap_err();
        assert!(matches!(error, Error::NoMain), "{error:?}");
    }
}

#[test]
fn throwing_is_refused_by_the_compiler() {
    let shop = Workshop::new();
    let said = shop
        .build("f.cpp", "int main() { throw 1; }")
        .unwrap_err()
        .to_string();
    assert!(said.contains("exceptions disabled"), "{said}");
}

#[test]
fn sources_that_are_none_are_refused_by_name() {
    let shop = Workshop::new();
    let build = |source: &str| {
        let source = shop.dir.path().join(source);
        shop.toolchain
            .build(&BuildOptions::new([source], shop.output()))
            .unwrap_err()
    };
    shop.write("f.rs", "");
    assert!(matches!(build("f.rs"), Error::UnknownLanguage(_)));
    assert!(matches!(build("missing.c"), Error::NoSource(_)));
    fs::create_dir(shop.dir.path().join("dir.c")).unwrap();
    assert!(matches!(build("dir.c"), Error::NoSource(_)));
}

#[test]
fn an_output_that_would_do_harm_is_refused() {
    let shop = Workshop::new();
    let source = shop.write("f.c", "int main(void) { return 0; }");
    for output in [
        source.clone(),
        shop.dir.path().to_owned(),
        shop.dir.path().join("no/dir.wasm"),
        "/dev/null".into(),
    ] {
        let refused = shop.toolchain.build(&BuildOptions::new([&source], &output));
        assert!(
            matches!(refused, Err(Error::BadOutput { .. })),
            "{output:?}: {refused:?}"
        );
    }
    assert!(fs::read_to_string(&source).unwrap().contains("main"));
}

#[test]
fn warnings_come_back_with_the_result() {
    let shop = Workshop::new();
    let mut options = shop.options("f.c", "int main(void) { int unused; return 0; }");
    assert_eq!(shop.toolchain.build(&options).unwrap().warnings, "");
    options.cflags = vec!["-Wall".into()];
    let warnings = shop.toolchain.build(&options).unwrap().warnings;
    assert!(warnings.contains("-Wunused-variable"), "{warnings}");
}

#[test]
fn the_hosts_own_headers_are_out_of_reach() {
    let shop = Workshop::new();
    let said = shop
        .build(
            "f.c",
            "#include <sys/epoll.h>\nint main(void) { return 0; }",
        )
        .unwrap_err()
        .to_string();
    assert!(said.contains("'sys/epoll.h' file not found"), "{said}");
}

#[test]
fn headers_defines_and_several_sources_work_together() {
    let shop = Workshop::new();
    fs::create_dir(shop.dir.path().join("include")).unwrap();
    shop.write("include/answer.h", "int answer(void);");
    let a = shop.write(
        "a.c",
        "#include <answer.h>\n#include <stdio.h>\nint main(void) { printf(\"%d\", answer()); }",
    );
    let b = shop.write(
        "b.c",
        "#include <answer.h>\nint answer(void) { return ANSWER; }",
    );
    let mut options = BuildOptions::new([a, b], shop.output());
    options.include_dirs = vec![shop.dir.path().join("include")];
    options.defines = vec!["ANSWER=42".into()];
    assert_eq!(shop.module(&options).run("").stdout, "42");
}

#[test]
fn a_machine_without_clang_is_told_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let search = Search {
        path: empty.path().into(),
        ..Search::default()
    };
    let said = Toolchain::find_in(&search).unwrap_err().to_string();
    assert!(
        said.contains("apt-get install clang-") && said.contains("WASI_SDK_PATH"),
        "{said}"
    );
}

#[test]
fn a_clang_that_cannot_do_it_is_named_with_the_reason() {
    let bin = tempfile::tempdir().unwrap();
    let clang = bin.path().join("clang");
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'clang version 1' && exit\necho 'no such target' >&2; exit 1\n";
    fs::write(&clang, script).unwrap();
    fs::set_permissions(&clang, fs::Permissions::from_mode(0o755)).unwrap();
    let search = Search {
        path: bin.path().into(),
        ..Search::default()
    };
    let said = Toolchain::find_in(&search).unwrap_err().to_string();
    assert!(
        said.contains(clang.to_str().unwrap()) && said.contains("no such target"),
        "{said}"
    );
}

#[test]
fn a_broken_wasi_sdk_is_an_error_even_where_a_system_clang_works() {
    let nothing = tempfile::tempdir().unwrap();
    let search = Search {
        wasi_sdk: Some(nothing.path().into()),
        ..Search::from_env()
    };
    let said = Toolchain::find_in(&search).unwrap_err().to_string();
    assert!(
        said.contains("WASI_SDK_PATH") && said.contains("bin/clang"),
        "{said}"
    );
}

#[test]
fn a_wasi_sdk_is_used_when_it_works() {
    let found = Workshop::new().toolchain.describe();
    // An SDK made of this machine's parts: enough to see that its own layout is used.
    let sdk = tempfile::tempdir().unwrap();
    let link = |to: &Path, from: &str| {
        let from = sdk.path().join(from);
        fs::create_dir_all(from.parent().unwrap()).unwrap();
        symlink(to, from).unwrap();
    };
    link(&found.clang, "bin/clang");
    if found.sysroot.join("lib").is_dir() {
        link(&found.sysroot, "share/wasi-sysroot");
    } else {
        let layout = "share/wasi-sysroot";
        link(
            &found.sysroot,
            &format!("{layout}/include/{}", found.target),
        );
        let libraries = Path::new("/usr/lib/wasm32-wasi");
        link(libraries, &format!("{layout}/lib/{}", found.target));
    }
    let search = Search {
        wasi_sdk: Some(sdk.path().into()),
        ..Search::default()
    };
    let toolchain = Toolchain::find_in(&search).unwrap_or_else(|e| panic!("{e}"));
    let described = toolchain.describe();
    assert_eq!(described.clang, sdk.path().join("bin/clang"));
    assert_eq!(described.sysroot, sdk.path().join("share/wasi-sysroot"));
    let shop = Workshop {
        dir: tempfile::tempdir().unwrap(),
        toolchain,
    };
    let text = "#include <iostream>\nint main() { std::cout << \"sdk\" << std::endl; }";
    assert_eq!(
        shop.module(&shop.options("f.cpp", text)).run("").stdout,
        "sdk\n"
    );
}
