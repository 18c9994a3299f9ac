//! Printing a call that has ended.

use std::io::IsTerminal;

use faasm_client::CallResult;

use crate::cli::Context;
use crate::exit::CallFailed;
use crate::units::show_us;

/// Prints what the call left behind, byte for byte: its stdout, then its output; its
/// stderr on stderr. A call that failed is an error after that.
pub fn print(context: &Context, call: CallResult) -> anyhow::Result<()> {
    print_after("", context, call)
}

/// The same with `prefix` before it in text.
pub fn print_after(prefix: &str, context: &Context, call: CallResult) -> anyhow::Result<()> {
    let out = &context.out;
    if out.is_json() {
        out.json(&call)?;
    } else {
        for part in [prefix.as_bytes(), &call.stdout, &call.output] {
            out.bytes(part)?;
        }
        let last = call.output.last().or(call.stdout.last());
        if std::io::stdout().is_terminal() && last.is_some_and(|byte| *byte != b'\n') {
            // Only for the eye: a pipe gets the bytes as they are.
            out.bytes(b"\n")?;
        }
        out.stderr_bytes(&call.stderr)?;
    }
    out.detail(format_args!(
        "call {}: queued {}, started in {}, ran {}",
        call.id,
        show_us(call.timings.queued_us),
        show_us(call.timings.start_us),
        show_us(call.timings.run_us),
    ));
    match call.reason {
        None => Ok(()),
        Some(reason) => Err(CallFailed(reason).into()),
    }
}
