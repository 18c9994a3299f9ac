//! pyfaasm: all its names, and what lies on the other side of them.

use std::fmt::Write;

use faasm_testkit::c;
use reqwest::Method;

use super::{output, serve};

const PYFAASM: &str = include_str!("pyfaasm.py");

/// The other side, in C: prints what Python left, or answers it.
const MODULE: &str = r#"
    #include <faasm/faasm.h>
    #include <stdio.h>
    #include <string.h>
    int main(void)
    {
        char input[16] = {0}, text[16] = {0};
        long size = faasmGetInputSize();
        faasmGetInput((uint8_t *)input, sizeof input - 1);
        if (strcmp(input, "write") == 0) {
            faasmWriteState("from_c", (const uint8_t *)"c", 1);
            faasmPushState("from_c");
            faasmAppendState("list", (const uint8_t *)"c ", 2);
        } else if (strcmp(input, "read") == 0) {
            faasmReadState("from_python", (uint8_t *)text, 7);
            faasmSetOutput((const uint8_t *)text, strlen(text));
        } else {
            snprintf(text, sizeof text, "C got %ld", size);
            faasmSetOutput((const uint8_t *)text, strlen(text));
            return size == 0;
        }
        return 0;
    }"#;

#[tokio::test]
async fn both_generations_of_names_do_what_they_say() {
    let server = serve(PYFAASM).await;
    assert_eq!(output(&server, "all_names", "").await, "");
    for generation in ["older", "newer"] {
        assert_eq!(output(&server, generation, "input").await, "tupni");
        // What was pushed is what HTTP finds.
        let path = format!("/s/demo/{generation}");
        let value = server.stored(Method::GET, &path, "").await.expect(200);
        assert_eq!(value.text(), "01234567XY");
    }
    for (entry, expected) in [
        ("appended", "01ä"),
        ("from_file", "from a file"),
        ("buffers", "abcd"),
    ] {
        assert_eq!(output(&server, entry, "").await, expected, "{entry}");
    }
    let bytes = (0..=255_u8).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    assert_eq!(output(&server, "large", "").await, bytes);
    let input = vec![0xff; 5 << 20];
    let length = input.len().to_string();
    assert_eq!(output(&server, "input_is", input).await, length);
}

#[tokio::test]
async fn what_would_end_the_call_is_an_exception() {
    let server = serve(PYFAASM).await;
    assert_eq!(output(&server, "misuse", "").await, "");
}

#[tokio::test]
async fn a_module_in_c_and_a_python_function_find_what_the_other_left() {
    let server = serve(PYFAASM).await;
    server.put("demo/module", c(MODULE)).await;
    assert_eq!(
        output(&server, "call_with_module", "input").await,
        "0 C got 5"
    );
    assert_eq!(output(&server, "call_with_module", "").await, "1 C got 0");
    let _ = server.call("demo/module", "write").await.expect(200);
    assert_eq!(output(&server, "shares_with_module", "").await, "c");
    let read = server.call("demo/module", "read").await.expect(200);
    assert_eq!(read.text(), "python");
}
