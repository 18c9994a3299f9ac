//! What is an entry, what it gets, and what becomes of what it returns.

use serde_json::Value;

use super::{call, failure, output, serve, text};

const CONTRACT: &str = include_str!("contract.py");

#[tokio::test]
async fn what_an_entry_returns_is_the_status_or_the_output() {
    let server = serve(CONTRACT).await;
    for (entry, status, expected) in [
        ("nothing", 0, ""),
        ("seven", 7, ""),
        ("negative", -3, ""),
        ("true", 1, ""),
        ("false", 0, ""),
        ("text", 0, "text: ä€😀"),
        ("empty", 0, ""),
        ("binary", 0, "\0bytes"),
        ("array", 0, "bytearray"),
        ("view", 0, "memoryview"),
        ("written", 0, "written, and kept"),
        ("written_and_returned", 0, "returned"),
        ("written_and_failed", 3, "written"),
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        let got = (&call["return_value"], text(&call, "output_data"));
        assert_eq!(got, (&status.into(), expected.into()), "{entry}: {call:#}");
        let code = &call["reason"]["code"];
        let expected = if status == 0 {
            Value::Null
        } else {
            "nonzero_return".into()
        };
        assert_eq!(code, &expected, "{entry}: {call:#}");
    }
}

#[tokio::test]
async fn what_none_may_return_is_refused_by_its_type() {
    let server = serve(CONTRACT).await;
    for (entry, expected) in [
        ("floating", "returned a float"),
        ("list_of_bytes", "returned a list"),
        ("generator", "returned a generator"),
        ("large_status", "an int that is no status"),
        ("an_object", "returned an object"),
        ("strided_view", "BufferError"),
        ("not_utf8", "UnicodeEncodeError"),
    ] {
        let (code, message) = failure(&server, entry, "").await;
        assert_eq!(code, "python_exception", "{entry}");
        assert!(message.contains(expected), "{entry}: {message}");
    }
}

#[tokio::test]
async fn every_callable_of_no_or_one_argument_is_an_entry() {
    let server = serve(CONTRACT).await;
    for (entry, expected) in [
        ("one", "ADA"),
        ("optional", "no input"),
        ("any_number", "Ada"),
        ("annotated", "AdaAda"),
        ("optional_keyword", "AdaAdaAda"),
        ("instance", "called with Ada"),
        ("method", "method of Ada"),
        ("static", "static"),
        ("short", "adA"),
        ("partial", "givengiven"),
        ("cached", "cached Ada"),
        ("decorated", "decorated Ada"),
        ("coroutine", "first second Ada"),
        ("reads_stdin", "'Ada'"),
        ("arguments", "['function.wasm']"),
        ("names", "f /function/f.py demo/f names"),
    ] {
        assert_eq!(output(&server, entry, "Ada").await, expected, "{entry}");
    }
    let length = call(&server, "demo/f", "builtin", "Ada").await;
    assert_eq!(length["return_value"], 3, "{length:#}");
}

#[tokio::test]
async fn what_is_no_entry_is_named() {
    let server = serve(CONTRACT).await;
    for entry in [
        "two",
        "keyword_only",
        "not_callable",
        "later",
        "missing",
        "__file__",
    ] {
        let (code, message) = failure(&server, entry, "").await;
        assert_eq!(code, "python_entry_not_found", "{entry}: {message}");
        assert!(message.contains(&format!("'{entry}'")), "{message}");
    }
}

#[tokio::test]
async fn all_that_is_printed_is_kept_whatever_becomes_of_the_streams() {
    let server = serve(CONTRACT).await;
    for (entry, stdout, stderr) in [
        ("faasm_main", "the default\n", ""),
        ("closes_stdout", "before\n", ""),
        ("replaces_stdout", "", ""),
        ("prints_halves", "no end of line", "neither here"),
        ("at_exit", "the middle\nthe end\n", ""),
    ] {
        let call = call(&server, "demo/f", entry, "").await;
        assert_eq!(call["status"], "SUCCESS", "{entry}: {call:#}");
        let printed = (text(&call, "stdout"), text(&call, "stderr"));
        assert_eq!(printed, (stdout.to_owned(), stderr.to_owned()), "{entry}");
    }
    // Raw, the answer is stdout and output, byte by byte.
    let raw = server
        .call("demo/f?python=true&entry=prints_bytes", "")
        .await;
    assert_eq!(raw.expect(200).body, &b"first\n\xff\xfe\n"[..]);
}

#[tokio::test]
async fn an_exception_leaves_its_traceback_on_stderr_and_its_last_line_as_the_reason() {
    let source = r"
def faasm_main(data):
    return inner(data)

def inner(data):
    try:
        int(data)
    except ValueError as error:
        raise LookupError('two\nlines') from error
";
    let server = serve(source).await;
    let call = call(&server, "demo/f", "faasm_main", "x").await;
    assert_eq!(call["return_value"], 1, "{call:#}");
    assert_eq!(call["reason"]["code"], "python_exception", "{call:#}");
    assert_eq!(
        call["reason"]["message"], "LookupError: two\nlines",
        "{call:#}"
    );
    let stderr = text(&call, "stderr");
    for line in [
        "Traceback (most recent call last):\n  File \"/function/f.py\", line 7, in inner\n    int(data)",
        "ValueError: invalid literal for int() with base 10: b'x'\n",
        "  File \"/function/f.py\", line 3, in faasm_main\n    return inner(data)",
        "  File \"/function/f.py\", line 9, in inner\n    raise LookupError('two\\nlines') from error\n",
        "LookupError: two\nlines\n",
    ] {
        assert!(stderr.contains(line), "{line:?} is not in {stderr}");
    }
    // For people and for programs: no colours, and nothing of ours.
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
    assert!(!stderr.contains("_faasm"), "{stderr}");
}

#[tokio::test]
async fn exceptions_of_coroutines_and_of_hostile_classes_are_reported_too() {
    let hostile = r#"
class Broken(Exception):
    def __str__(self):
        raise ValueError("no text")

class Same(Exception):
    pass

def broken():
    raise Broken

def groups():
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])

def noted():
    error = KeyError("key")
    error.add_note("a note")
    raise error

def cycle():
    error = Same("itself")
    error.__cause__ = error
    raise error

def no_exception():
    raise 5

def base():
    raise KeyboardInterrupt

def hook():
    import sys
    sys.excepthook = lambda *error: 1 / 0
    raise Same("hooked")

def long():
    raise Same("x" * 100_000)

def no_streams():
    import sys
    sys.stdout = sys.stderr = None
    raise Same("unheard")

def surrogates():
    raise Same("\ud800")

async def coroutine():
    import asyncio
    await asyncio.sleep(0)
    raise LookupError("in a coroutine")
"#;
    let server = serve(hostile).await;
    for (entry, expected) in [
        ("broken", "Broken: <exception str() failed>"),
        ("groups", "ExceptionGroup: several (2 sub-exceptions)"),
        ("noted", "KeyError: 'key'"),
        ("cycle", "Same: itself"),
        (
            "no_exception",
            "TypeError: exceptions must derive from BaseException",
        ),
        ("base", "KeyboardInterrupt"),
        ("hook", "Same: hooked"),
        ("long", "Same: xxx"),
        ("no_streams", "Same: unheard"),
        ("surrogates", "Same: "),
        ("coroutine", "LookupError: in a coroutine"),
    ] {
        let (code, message) = failure(&server, entry, "").await;
        assert_eq!(code, "python_exception", "{entry}: {message}");
        assert!(message.contains(expected), "{entry}: {message}");
        assert!(message.len() < 5_000, "{entry}: {} bytes", message.len());
    }
}
