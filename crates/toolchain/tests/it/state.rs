//! State in C and C++: what programs import for it, and what the C++ classes map.

use std::collections::BTreeMap;

use faasm_toolchain::Error;

use crate::support::Workshop;

/// Every function of `state.h`, called as Faasm's programs call it, and the import that
/// it stands for: a letter a parameter, `i` behind the arrow for a result.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "return (int)faasmReadStateSize(KEY)",
        "read_state: iii -> i",
    ),
    (
        "return (int)faasmReadState(KEY, data, 8)",
        "read_state: iii -> i",
    ),
    (
        "uint8_t *p = faasmReadStatePtr(KEY, 8); return *p",
        "read_state_ptr: ii -> i",
    ),
    (
        "faasmReadStateOffset(KEY, 8, 2, data, 4)",
        "read_state_offset: iiiii ->",
    ),
    (
        "uint8_t *p = faasmReadStateOffsetPtr(KEY, 8, 2, 4); return *p",
        "read_state_offset_ptr: iiii -> i",
    ),
    ("faasmWriteState(KEY, data, 8)", "write_state: iii ->"),
    (
        "faasmWriteStateOffset(KEY, 8, 2, data, 4)",
        "write_state_offset: iiiii ->",
    ),
    (
        "unsigned long n = faasmWriteStateFromFile(KEY, \"/a\"); return n > 9",
        "write_state_from_file: ii -> i",
    ),
    ("faasmAppendState(KEY, data, 8)", "append_state: iii ->"),
    (
        "faasmReadAppendedState(KEY, data, 8, 2)",
        "read_appended_state: iiii ->",
    ),
    ("faasmClearAppendedState(KEY)", "clear_appended_state: i ->"),
    ("faasmFlagStateDirty(KEY, 8)", "flag_state_dirty: ii ->"),
    (
        "faasmFlagStateOffsetDirty(KEY, 8, 2, 4)",
        "flag_state_offset_dirty: iiii ->",
    ),
    ("faasmPushState(KEY)", "push_state: i ->"),
    ("faasmPushStatePartial(KEY)", "push_state_partial: i ->"),
    (
        "faasmPushStatePartialMask(KEY, \"mask\")",
        "push_state_partial_mask: ii ->",
    ),
    ("faasmPullState(KEY, 8)", "pull_state: ii ->"),
    ("faasmLockStateRead(KEY)", "lock_state_read: i ->"),
    ("faasmUnlockStateRead(KEY)", "unlock_state_read: i ->"),
    ("faasmLockStateWrite(KEY)", "lock_state_write: i ->"),
    ("faasmUnlockStateWrite(KEY)", "unlock_state_write: i ->"),
    ("faasmLockStateGlobal(KEY)", "lock_state_global: i ->"),
    ("faasmUnlockStateGlobal(KEY)", "unlock_state_global: i ->"),
];

/// A program with one C function for each of [`FUNCTIONS`].
fn every_function() -> String {
    let head = "#include <faasm/faasm.h>\n#define KEY \"k\"\nstatic uint8_t data[8];\n";
    let numbered = FUNCTIONS.iter().enumerate();
    let (defined, called): (String, String) = numbered
        .map(|(i, (body, _))| {
            (
                format!("static int f{i}(void) {{ {body}; return 0; }}\n"),
                format!(" + f{i}()"),
            )
        })
        .unzip();
    format!("{head}{defined}int main(void) {{ return 0{called}; }}\n")
}

#[test]
fn every_function_of_state_is_one_import_in_c_and_in_cpp() {
    let wanted: BTreeMap<String, &str> = FUNCTIONS
        .iter()
        .filter_map(|(_, import)| import.split_once(": "))
        .map(|(name, signature)| (format!("__faasm_{name}"), signature.trim_end()))
        .collect();
    for name in ["f.c", "f.cpp"] {
        let shop = Workshop::new();
        let mut options = shop.options(name, &every_function());
        options.cflags = ["-Wall", "-Wextra", "-Werror"].map(String::from).into();
        let built = shop.module(&options).signatures_of("env");
        let built: BTreeMap<_, _> = built
            .iter()
            .map(|(n, s)| (n.clone(), s.trim_end()))
            .collect();
        assert_eq!(built, wanted, "{name}");
    }
}

#[test]
fn older_headers_and_helpers_still_compile() {
    let shop = Workshop::new();
    let text = r#"
        extern "C" {
        #include "faasm/host_interface.h"
        }
        #include <faasm/core.h>
        #include <faasm/state.h>
        int main()
        {
            unsigned int mask[4] = {};
            faasm::maskDouble(mask, 1);
            faasm::zeroState("weights", sizeof(double));
            double value = 1;
            faasmWriteState("weights", BYTES(&value), sizeof value);
            faasmFlagStateDirty("weights", sizeof value);
            faasmPushStatePartialMask("weights", "mask");
            return mask[1] == 0 && mask[3] == BIT_MASK_32 ? 0 : 1;
        }
    "#;
    shop.build("f.cpp", text).unwrap();
}

#[test]
fn memory_may_grow_to_all_that_there_is() {
    let shop = Workshop::new();
    let guest = shop.module(&shop.options("f.c", "int main(void) { return 0; }"));
    assert_eq!(guest.memory_limit(), None);
}

/// Runs the body of a C++ `main` over state that was never written.
fn shared(body: &str) -> Result<String, String> {
    let shop = Workshop::new();
    let text = format!(
        "#include <cstdio>\n#include <faasm/faasm.h>\n#include <faasm/state.hpp>\n\
         int main()\n{{\n{body}\n}}\n"
    );
    let mut options = shop.options("f.cpp", &text);
    let flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror"];
    options.cflags = flags.map(String::from).into();
    shop.module(&options).try_run("")
}

#[test]
fn values_arrays_and_matrices_show_the_same_bytes() {
    let told = shared(
        r#"
        faasm::SharedMatrix<int> all("m", 4, 3);
        for (unsigned row = 0; row < all.rows(); row++) {
            for (unsigned column = 0; column < all.columns(); column++) {
                all(row, column) = int(10 * row + column);
            }
        }
        faasm::SharedMatrix<const int> strip("m", 4, 3, 1, 2);
        std::printf("%zu-%zu of %zu: %d %d\n", strip.firstRow(), strip.endRow(), strip.rows(),
                    strip(1, 0), strip.row(2)[2]);
        faasm::SharedArray<int> range("m", 12, 5, 3);
        range[0] = -1;
        for (int element : range) {
            std::printf("%d ", element);
        }
        faasm::SharedArray<const int> whole("m");
        struct Pair { int first, second; };
        faasm::SharedValue<Pair> head("m");
        head->second += 100;
        std::printf("%zu %d %d\n", whole.size(), all(1, 2), whole[1]);
        "#,
    );
    assert_eq!(told.unwrap(), "1-3 of 4: 10 22\n-1 20 21 12 -1 101\n");
}

#[test]
fn nothing_is_mapped_where_there_is_nothing() {
    let told = shared(
        r#"
        faasm::SharedArray<double> none("absent"), empty("absent", 0), range("a", 8, 8, 0);
        faasm::SharedMatrix<double> flat("absent", 0, 5), thin("absent", 5, 0);
        std::printf("%d %d %d %d", none.empty(), empty.begin() == empty.end(), range.empty(),
                    flat.endRow() == 0 && thin.columns() == 0);
        "#,
    );
    assert_eq!(told.unwrap(), "1 1 1 1");
}

#[test]
fn a_lock_is_held_for_its_scope() {
    let told = shared(
        r#"
        faasm::ReadLock outer("a");
        {
            faasm::WriteLock inner("b");
            faasm::GlobalLock global("c");
            std::puts("in");
            std::fflush(stdout);
        }
        std::puts("out");
        std::fflush(stdout);
        "#,
    );
    assert_eq!(
        told.unwrap(),
        "+read a\n+write b\n+global c\nin\n-global c\n-write b\nout\n-read a\n"
    );
}

#[test]
fn sizes_and_ranges_that_cannot_be_end_the_call_with_the_reason() {
    for (body, reason) in [
        (
            r#"faasm::SharedArray<int> a("k", 3, 2, 2);"#,
            "the range is not inside of the value",
        ),
        (
            r#"faasm::SharedArray<int> a("k", 3, 4, 0);"#,
            "the range is not inside of the value",
        ),
        (
            r#"faasm::SharedArray<char> a("k", 3, 1, SIZE_MAX);"#,
            "the range is not inside of the value",
        ),
        (
            r#"faasm::SharedArray<double> a("k", 1u << 28);"#,
            "a value has at most 2 GiB - 1",
        ),
        (
            r#"faasm::SharedMatrix<double> a("k", SIZE_MAX, SIZE_MAX);"#,
            "a value has at most 2 GiB - 1",
        ),
        (
            r#"faasm::SharedMatrix<char> a("k", 4, 4, SIZE_MAX, 1);"#,
            "the range is not inside of the value",
        ),
        (
            r#"struct alignas(1 << 20) Wide { char byte; };
               faasm::SharedValue<Wide> a("k");"#,
            "the elements want a larger alignment than mapped state has",
        ),
    ] {
        let stderr = shared(body).unwrap_err();
        assert_eq!(stderr, format!("state \"k\": {reason}\n"), "{body}");
    }
}

#[test]
fn elements_that_are_more_than_bytes_do_not_compile() {
    for (element, reason) in [
        ("std::string", "must be trivially copyable"),
        ("int *", "a pointer means nothing to another call"),
    ] {
        let shop = Workshop::new();
        let text = format!(
            "#include <faasm/state.hpp>\nint main() {{ faasm::SharedArray<{element}> a(\"k\", 1); }}"
        );
        let Err(Error::Compile { diagnostics, .. }) = shop.build("f.cpp", &text) else {
            panic!("{element} compiled");
        };
        assert!(diagnostics.contains(reason), "{diagnostics}");
    }
}
