//! What a built module exports and how it starts.

use crate::support::Workshop;

const CONSTRUCTED: &str = r#"
    #include <stdio.h>
    #include <stdlib.h>
    __attribute__((constructor)) static void before(void) { puts("constructed"); }
    static void after(void) { puts("exit handler"); }
    int main(int argc, char **argv) { atexit(after); printf("main\n"); return argc > 1; }
"#;

#[test]
fn start_runs_constructors_main_and_exit_handlers_once_each() {
    let shop = Workshop::new();
    let guest = shop.module(&shop.options("f.c", CONSTRUCTED));
    assert_eq!(guest.run("").stdout, "constructed\nmain\nexit handler\n");
}

#[test]
fn each_phase_can_be_run_by_itself() {
    let shop = Workshop::new();
    let guest = shop.module(&shop.options("f.c", CONSTRUCTED));
    let phases = ["__wasm_call_ctors", "__main_void", "__wasm_call_dtors"];
    assert_eq!(
        guest.call(&phases, "").stdout,
        "constructed\nmain\nexit handler\n"
    );
    // What follows a snapshot: a memory that was constructed before.
    assert_eq!(guest.call(&phases[1..], "").stdout, "main\nexit handler\n");
}

#[test]
fn every_form_of_main_is_exported_under_one_name() {
    for main in [
        "int main(void) { return 0; }",
        "int main() { return 0; }",
        "int main(int argc, char **argv) { return argv[argc] != 0; }",
    ] {
        for name in ["f.c", "f.cpp"] {
            let shop = Workshop::new();
            let guest = shop.module(&shop.options(name, main));
            let exports = guest.exports();
            for wanted in [
                "_start",
                "__main_void",
                "__wasm_call_ctors",
                "__wasm_call_dtors",
                "__indirect_function_table",
                "memory",
                "malloc",
                "free",
            ] {
                assert!(
                    exports.iter().any(|e| e == wanted),
                    "{main}: no {wanted} in {exports:?}"
                );
            }
            guest.call(
                &["__wasm_call_ctors", "__main_void", "__wasm_call_dtors"],
                "",
            );
        }
    }
}

#[test]
fn a_zygote_is_exported_in_c_and_in_both_linkages_of_cpp() {
    let with_sdk =
        "#include <faasm/faasm.h>\nFAASM_ZYGOTE() { return 0; }\nFAASM_MAIN() { return 0; }";
    let mangled = "int _faasm_zygote() { return 0; } int main() { return 0; }";
    for (name, text, export) in [
        ("f.c", with_sdk, "_faasm_zygote"),
        ("f.cpp", with_sdk, "_faasm_zygote"),
        ("g.cpp", mangled, "_Z13_faasm_zygotev"),
    ] {
        let shop = Workshop::new();
        let options = shop.options(name, text);
        assert!(shop.toolchain.build(&options).unwrap().zygote);
        assert!(
            shop.module(&options).exports().iter().any(|e| e == export),
            "{export}"
        );
    }
}

#[test]
fn a_program_without_a_zygote_exports_none() {
    let shop = Workshop::new();
    let built = shop
        .build(
            "f.c",
            "#include <faasm/faasm.h>\nint main(void) { return 0; }",
        )
        .unwrap();
    assert!(!built.zygote);
    assert!(built.imports.is_empty(), "{:?}", built.imports);
}

#[test]
fn debug_information_is_kept_only_on_demand_and_function_names_always() {
    let shop = Workshop::new();
    let mut options = shop.options("f.c", "int main(void) { return 0; }");
    let has = |needle: &str| {
        let module = std::fs::read(shop.output()).unwrap();
        module
            .windows(needle.len())
            .any(|at| at == needle.as_bytes())
    };
    shop.toolchain.build(&options).unwrap();
    assert!(has("__wasm_call_dtors") && !has(".debug_info"));
    options.debug = true;
    shop.toolchain.build(&options).unwrap();
    assert!(has(".debug_info"));
}

#[test]
fn building_twice_gives_the_same_bytes() {
    let shop = Workshop::new();
    let options = shop.options(
        "f.cpp",
        "#include <iostream>\nint main() { std::cout << 1; }",
    );
    shop.toolchain.build(&options).unwrap();
    let first = std::fs::read(shop.output()).unwrap();
    shop.toolchain.build(&options).unwrap();
    assert!(first == std::fs::read(shop.output()).unwrap());
}

#[test]
fn what_the_cpp_library_throws_needs_at_most_the_servers_stubs() {
    let shop = Workshop::new();
    let text = "#include <string>\n#include <faasm/input.h>\n\
        int main() { return std::stoi(faasm::getStringInput(\"7\")); }";
    let built = shop.build("f.cpp", text).unwrap();
    let others = built
        .imports
        .iter()
        .filter(|name| !name.starts_with("__cxa_"));
    assert_eq!(others.collect::<Vec<_>>(), ["__faasm_read_input"]);
}

#[test]
fn long_doubles_are_printed() {
    let shop = Workshop::new();
    let text = "#include <stdio.h>\nint main(void) { printf(\"%.2Lf\", 1.5L); return 0; }";
    assert_eq!(
        shop.module(&shop.options("f.c", text)).run("").stdout,
        "1.50"
    );
}
