//! What a module's code can change.

use wasmparser::{Operator, Parser, Payload};

use super::bare::invalid;
use crate::refusal::Refusal;

/// Whether the code of a module changes nothing but its memory and its globals: no table, and no
/// segment.
pub(crate) fn keeps_tables(binary: &[u8]) -> Result<bool, Refusal> {
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CodeSectionEntry(body) = payload.map_err(invalid)? else {
            continue;
        };
        for operator in body.get_operators_reader().map_err(invalid)? {
            match operator.map_err(invalid)? {
                Operator::TableSet { .. }
                | Operator::TableGrow { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. }
                | Operator::ElemDrop { .. }
                | Operator::DataDrop { .. } => return Ok(false),
                _ => {}
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(body: &str) -> bool {
        let text = format!(
            r#"(module (memory 1) (table 2 funcref) (elem $e func $f) (data $d "x")
            (global $g (mut i32) (i32.const 0)) (func $f {body}))"#
        );
        keeps_tables(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn code_that_can_change_a_table_or_a_segment_is_found() {
        let zero = "(i32.const 0)";
        assert!(keeps(""));
        assert!(keeps(&format!(
            "(i32.store {zero} (global.get $g)) (global.set $g {zero})"
        )));
        for body in [
            format!("(table.set {zero} (ref.func $f))"),
            format!("(drop (table.grow (ref.null func) {zero}))"),
            format!("(table.fill {zero} (ref.null func) {zero})"),
            format!("(table.copy {zero} {zero} {zero})"),
            format!("(table.init $e {zero} {zero} {zero})"),
            "(elem.drop $e)".to_owned(),
            "(data.drop $d)".to_owned(),
        ] {
            assert!(!keeps(&body), "{body}");
        }
    }
}
