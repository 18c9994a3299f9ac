//! Tests of the JSON form.

use super::*;
use crate::json::parse_object;
use faasm_model::{FileAccess, Name, Target};

fn options() -> HttpOptions {
    HttpOptions {
        max_input_bytes: 1_000,
        ..HttpOptions::default()
    }
}

fn asked(json: &str) -> Result<Asked, ApiError> {
    parse_object::<Form>(json.as_bytes())?.check(&options(), FileAccess::Write)
}

fn refusal(json: &str) -> (ErrorCode, String) {
    let error = asked(json).expect_err(json);
    (error.code, format!("{error:?}"))
}

#[test]
fn a_call_is_read_with_its_input_and_arguments() {
    let json = r#"{"user": "demo", "function": "f", "input_data": "é", "cmdline": "a 'b c' \"\"",
        "async": true, "unknown": [{}], "python": false, "mpi": null, "py_user": null}"#;
    let Ok(Asked::Invoke {
        invocation,
        is_async: true,
    }) = asked(json)
    else {
        panic!("an asynchronous call");
    };
    assert_eq!(invocation.function.to_string(), "demo/f");
    assert_eq!(invocation.input, "é");
    assert_eq!(invocation.args, ["a", "b c", ""]);
}

#[test]
fn any_bytes_can_be_input_in_base64() {
    let json = r#"{"user": "demo", "function": "f", "input_data_base64": "/wA="}"#;
    let Ok(Asked::Invoke { invocation, .. }) = asked(json) else {
        panic!("a call");
    };
    assert_eq!(&invocation.input[..], b"\xff\0");
}

#[test]
fn an_id_is_a_number_or_digits() {
    for id in ["7", "\"7\""] {
        let json = format!(r#"{{"status": true, "id": {id}, "wait_ms": 5}}"#);
        let Ok(Asked::Status { id, wait }) = asked(&json) else {
            panic!("{json}");
        };
        assert_eq!((id.get(), wait.as_millis()), (7, 5));
    }
    for id in ["-1", "0", "1.5", "\"x\"", "9007199254740992", "[]"] {
        let (code, text) = refusal(&format!(r#"{{"exec_graph": true, "id": {id}}}"#));
        assert!(
            code == ErrorCode::InvalidField && text.contains("`id`"),
            "{text}"
        );
    }
}

#[test]
fn a_wrong_type_is_refused_by_the_name_of_its_field() {
    for (field, value) in [
        ("user", "5"),
        ("function", "[]"),
        ("async", "\"yes\""),
        ("input_data", "{}"),
        ("status", "1"),
        ("wait_ms", "-1"),
        ("cmdline", "[\"a\"]"),
        ("type", "\"3\""),
        ("mpi_world_size", "\"4\""),
        ("type", "1"),
        ("cmdline", "\"it's\""),
        ("input_data_base64", "\"!\""),
    ] {
        let mut json = format!(r#"{{"{field}": {value}"#);
        for needed in ["user", "function"] {
            if field != needed {
                json.push_str(&format!(r#", "{needed}": "a""#));
            }
        }
        let (code, text) = refusal(&format!("{json}}}"));
        assert!(
            code == ErrorCode::InvalidField && text.contains(field),
            "{json}: {text}"
        );
    }
}

#[test]
fn a_request_that_asks_for_nothing_says_what_is_missing() {
    for (json, missing) in [
        ("{}", "`user` and `function`"),
        (r#"{"user": "demo"}"#, "`function` is missing"),
        (r#"{"function": "f", "user": null}"#, "`user` is missing"),
        (r#"{"status": true}"#, "`id`"),
        (r#"{"exec_graph": true, "id": null}"#, "`id`"),
    ] {
        let (code, text) = refusal(json);
        assert!(
            code == ErrorCode::MissingField && text.contains(missing),
            "{json}: {text}"
        );
    }
}

#[test]
fn contradictions_are_refused() {
    for json in [
        r#"{"user": "a", "user": "b", "function": "f"}"#,
        r#"{"user": "a", "function": "f", "input_data": "", "input_data_base64": ""}"#,
        r#"{"status": true, "flush": true, "id": 1}"#,
    ] {
        assert_eq!(refusal(json).0.status(), 400, "{json}");
    }
}

#[test]
fn a_world_is_asked_for_with_or_without_its_size() {
    for (fields, ranks) in [
        (r#""mpi": true"#, Some(5)),
        (r#""mpi": true, "mpi_world_size": 8"#, Some(8)),
        (r#""mpi_world_size": 256"#, Some(256)),
        (r#""mpi_world_size": 0"#, None),
        (r#""mpi": false, "mpi_world_size": 8"#, None),
    ] {
        let json = format!(r#"{{"user": "a", "function": "f", {fields}}}"#);
        let Ok(Asked::Invoke { invocation, .. }) = asked(&json) else {
            panic!("{json}");
        };
        let size = match invocation.target {
            Target::Mpi { size } => Some(size.get()),
            _ => None,
        };
        assert_eq!(size, ranks, "{json}");
    }
}

#[test]
fn a_world_that_cannot_be_is_refused_by_the_field() {
    for (fields, named) in [
        (r#""mpi_world_size": 257"#, "mpi_world_size"),
        (r#""mpi": true, "mpi_world_size": 0"#, "mpi_world_size"),
        (
            r#""mpi": true, "python": true, "py_user": "a", "py_func": "f""#,
            "mpi",
        ),
    ] {
        let json = format!(r#"{{"user": "a", "function": "f", {fields}}}"#);
        let (code, text) = refusal(&json);
        assert_eq!(code, ErrorCode::InvalidField, "{json}: {text}");
        assert!(text.contains(named), "{json}: {text}");
    }
}

#[test]
fn flush_has_two_names() {
    for json in [r#"{"flush": true}"#, r#"{"type": 3, "user": "x"}"#] {
        assert!(matches!(asked(json), Ok(Asked::Flush)), "{json}");
    }
}

#[test]
fn an_input_over_the_limit_is_refused() {
    let json = format!(
        r#"{{"user": "a", "function": "f", "input_data": "{}"}}"#,
        "x".repeat(1001)
    );
    assert_eq!(refusal(&json).0, ErrorCode::BodyTooLarge);
}

#[test]
fn a_python_call_names_its_function_in_fields_of_its_own() {
    let base = r#""python": true, "py_user": "demo", "py_func": "hello""#;
    for (more, expected) in [
        ("", None),
        (r#", "user": "python", "function": "py_func""#, None),
        (r#", "user": "python", "function": "hello""#, None),
        (r#", "user": null, "py_entry": null"#, None),
        (r#", "py_entry": "other""#, Some("other")),
    ] {
        let json = format!("{{{base}{more}}}");
        let Ok(Asked::Invoke { invocation, .. }) = asked(&json) else {
            panic!("{json}");
        };
        assert_eq!(invocation.function.to_string(), "demo/hello");
        let entry = expected.map(|entry| Name::new(entry).unwrap());
        assert_eq!(invocation.target, Target::Python { entry }, "{json}");
    }
}

#[test]
fn what_contradicts_a_python_call_is_refused_by_field() {
    use ErrorCode::{InvalidField, InvalidName, MissingField};
    let python = r#""python": true, "py_user": "demo", "py_func": "hello""#;
    for (json, code, field) in [
        (r#""user": "demo""#, InvalidField, "`user`"),
        (r#""function": "other""#, InvalidField, "`function`"),
        (r#""py_entry": "a b""#, InvalidName, "`py_entry`"),
        (r#""py_entry": """#, InvalidName, "`py_entry`"),
    ] {
        let (found, text) = refusal(&format!("{{{python}, {json}}}"));
        assert!(found == code && text.contains(field), "{json}: {text}");
    }
    for (json, code, field) in [
        (r#"{"python": true}"#, MissingField, "`py_user`"),
        (
            r#"{"python": true, "py_user": "a"}"#,
            MissingField,
            "`py_func`",
        ),
        (
            r#"{"python": true, "user": "python", "function": "f"}"#,
            MissingField,
            "`py_user`",
        ),
        (
            r#"{"python": true, "py_user": "python", "py_func": "f"}"#,
            InvalidName,
            "`py_user`",
        ),
        (
            r#"{"python": true, "py_user": "a", "py_func": "a/b"}"#,
            InvalidName,
            "`py_func`",
        ),
        (r#"{"python": "yes"}"#, InvalidField, "python"),
        (
            r#"{"user": "a", "function": "f", "py_user": "a"}"#,
            InvalidField,
            "`py_user`",
        ),
        (
            r#"{"user": "a", "function": "f", "py_func": "f", "python": false}"#,
            InvalidField,
            "`py_func`",
        ),
        (
            r#"{"user": "a", "function": "f", "py_entry": "x"}"#,
            InvalidField,
            "`py_entry`",
        ),
    ] {
        let (found, text) = refusal(json);
        assert!(found == code && text.contains(field), "{json}: {text}");
    }
}
