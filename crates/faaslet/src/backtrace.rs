//! Wasm backtraces with the names that programmers wrote.

use wasmtime::{FrameInfo, WasmBacktrace};

/// Frames shown of a backtrace: what led to a trap is at its top.
const MAX_FRAMES: usize = 32;

/// ` (in inner < caller < main)`, or nothing when there are no frames.
pub(crate) fn one_line(trace: &WasmBacktrace) -> String {
    let frames = trace.frames();
    if frames.is_empty() {
        return String::new();
    }
    let mut names: Vec<String> = frames.iter().take(MAX_FRAMES).map(name).collect();
    if frames.len() > MAX_FRAMES {
        names.push(format!("… {} more", frames.len() - MAX_FRAMES));
    }
    format!(" (in {})", names.join(" < "))
}

/// One frame a line, innermost first, `depth` frames at most.
pub(crate) fn lines(trace: &WasmBacktrace, depth: usize) -> String {
    let frames = trace.frames().iter().take(depth).enumerate();
    frames.map(|(i, f)| format!("#{i} {}\n", name(f))).collect()
}

fn name(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(raw) => demangle(raw),
        None => format!("function {}", frame.func_index()),
    }
}

/// A C++ or Rust symbol as its source spells it; anything else as it is, on one line.
pub(crate) fn demangle(raw: &str) -> String {
    let demangled = if let Ok(rust) = rustc_demangle::try_demangle(raw) {
        format!("{rust:#}")
    } else if raw.starts_with("_Z") {
        let symbol = cpp_demangle::Symbol::new(raw).ok();
        let text = symbol.and_then(|symbol| symbol.demangle().ok());
        text.unwrap_or_else(|| raw.to_owned())
    } else {
        // A plain name of C: taken for a mangled type, `f` would read `float`.
        raw.to_owned()
    };
    // The name section is the guest's: a name must not forge lines or fill logs.
    demangled
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names_read_as_in_the_source_and_cannot_break_the_line() {
        assert_eq!(demangle("_ZN5Shape4areaEv"), "Shape::area()");
        assert_eq!(demangle("main"), "main");
        assert_eq!(demangle("f"), "f");
        assert_eq!(demangle("a\nFAILED: b"), "aFAILED: b");
        assert_eq!(demangle(&"x".repeat(5000)).len(), 200);
    }
}
