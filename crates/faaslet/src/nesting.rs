//! How deep a module's blocks are nested, looked at before it is compiled: the compiler's
//! time grows faster than the depth, so that a few hundred kilobytes of nested loops would
//! keep it busy, and everybody's uploads waiting, for minutes.

use wasmparser::{Operator, Parser, Payload};

use crate::refusal::Refusal;

/// Deepest nesting. What compilers make of programs stays far below.
const MAX_DEPTH: u32 = 2_000;

/// Refuses a module whose blocks are nested too deep. One that is not valid passes: the
/// compiler says better what is wrong with it.
pub(crate) fn check(binary: &[u8]) -> Result<(), Refusal> {
    match deepest(binary) {
        Ok(depth) if depth > MAX_DEPTH => Err(Refusal::TooLarge(format!(
            "its blocks are nested more than {MAX_DEPTH} deep"
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The deepest nesting, counted up to a little over the limit.
fn deepest(binary: &[u8]) -> wasmparser::Result<u32> {
    let mut deepest = 0;
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CodeSectionEntry(body) = payload? else {
            continue;
        };
        let mut depth = 0u32;
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. } => depth += 1,
                Operator::End => depth = depth.saturating_sub(1),
                _ => continue,
            }
            deepest = deepest.max(depth);
            if deepest > MAX_DEPTH {
                return Ok(deepest);
            }
        }
    }
    Ok(deepest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let (open, close) = ("loop ".repeat(depth), "end ".repeat(depth));
        wat::parse_str(format!("(module (func {open} {close}))")).unwrap()
    }

    #[test]
    fn programs_pass_and_a_tower_of_loops_does_not() {
        assert!(check(&nested(MAX_DEPTH as usize)).is_ok());
        let refusal = check(&nested(MAX_DEPTH as usize + 1)).unwrap_err();
        assert!(refusal.to_string().contains("nested"), "{refusal}");
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_compiler() {
        let whole = nested(10);
        assert!(check(&whole[..whole.len() - 3]).is_ok());
        assert!(check(b"rubbish").is_ok());
    }
}
