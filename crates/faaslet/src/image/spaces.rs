//! What there is in a module that an image may be made of.

use std::collections::BTreeSet;

use wasmparser::{
    ConstExpr, ElementItems, ElementSectionReader, ExternalKind, Operator, Parser, Payload,
    TableInit, TypeRef,
};

use super::bare::invalid;
use crate::refusal::Refusal;

/// Globals, and functions with references to them, that a module with an initialiser may have:
/// an image is to be restored in microseconds. Table entries are fewer by the table limit.
const MAX_RESTORED: usize = 100_000;

/// What of a module an image may be made of, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spaces {
    pub(crate) globals: u32,
    pub(crate) tables: u32,
    /// Functions to which there can be a reference.
    pub(crate) functions: BTreeSet<u32>,
}

/// What there is in a module.
#[derive(Default)]
pub(super) struct Found {
    pub(super) spaces: Spaces,
    pub(super) memories: u32,
    pub(super) start: Option<u32>,
    has_exports: bool,
}

/// Counts what there is, within bounds.
pub(super) fn find(binary: &[u8]) -> Result<Found, Refusal> {
    let mut found = Found::default();
    let spaces = &mut found.spaces;
    for payload in Parser::new(0).parse_all(binary) {
        match payload.map_err(invalid)? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import.map_err(invalid)?.ty {
                        TypeRef::Global(_) => spaces.globals += 1,
                        TypeRef::Table(_) => spaces.tables += 1,
                        TypeRef::Memory(_) => found.memories += 1,
                        _ => {}
                    }
                }
            }
            Payload::TableSection(section) => {
                spaces.tables += section.count();
                for table in section {
                    if let TableInit::Expr(entry) = table.map_err(invalid)?.init {
                        referenced(&entry, &mut spaces.functions)?;
                    }
                }
            }
            Payload::MemorySection(section) => found.memories += section.count(),
            Payload::GlobalSection(section) => {
                spaces.globals += section.count();
                for global in section {
                    let global = global.map_err(invalid)?;
                    referenced(&global.init_expr, &mut spaces.functions)?;
                }
            }
            Payload::ExportSection(section) => {
                found.has_exports = true;
                for export in section {
                    let export = export.map_err(invalid)?;
                    if export.kind == ExternalKind::Func {
                        spaces.functions.insert(export.index);
                    }
                }
            }
            Payload::StartSection { func, .. } => found.start = Some(func),
            Payload::ElementSection(section) => elements(section, &mut spaces.functions)?,
            _ => {}
        }
    }
    bounded("globals", spaces.globals as usize)?;
    bounded(
        "functions in exports, tables and globals",
        spaces.functions.len(),
    )?;
    match found.has_exports {
        true => Ok(found),
        false => Err(Refusal::MissingExport {
            what: "an initialiser",
        }),
    }
}

/// Refuses more of something than every call is to have restored.
fn bounded(what: &str, count: usize) -> Result<(), Refusal> {
    match count <= MAX_RESTORED {
        true => Ok(()),
        false => Err(Refusal::TooLarge(format!(
            "it has {count} {what}, of at most {MAX_RESTORED} beside an initialiser"
        ))),
    }
}

fn elements(
    section: ElementSectionReader<'_>,
    functions: &mut BTreeSet<u32>,
) -> Result<(), Refusal> {
    for element in section {
        match element.map_err(invalid)?.items {
            ElementItems::Functions(items) => {
                for function in items {
                    functions.insert(function.map_err(invalid)?);
                }
            }
            ElementItems::Expressions(_, items) => {
                for expression in items {
                    referenced(&expression.map_err(invalid)?, functions)?;
                }
            }
        }
    }
    Ok(())
}

fn referenced(expression: &ConstExpr<'_>, functions: &mut BTreeSet<u32>) -> Result<(), Refusal> {
    for operator in expression.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator.map_err(invalid)? {
            functions.insert(function_index);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(items: &str) -> Result<Spaces, Refusal> {
        let text = format!("(module (func (export \"_faasm_zygote\")) {items})");
        find(&wat::parse_str(text).unwrap()).map(|found| found.spaces)
    }

    fn too_large(items: &str, what: &str) {
        match found(items) {
            Err(Refusal::TooLarge(message)) => assert!(message.contains(what), "{message}"),
            other => panic!("{what}: {other:?}"),
        }
    }

    #[test]
    fn functions_are_found_wherever_a_reference_to_them_can_come_from() {
        let items = r#"(func) (func) (func) (func) (func) (func)
            (export "f" (func 1)) (global funcref (ref.func 2)) (elem func 3)
            (elem declare funcref (ref.func 4) (ref.null func)) (table 2 funcref (ref.func 5))"#;
        let spaces = found(items).unwrap();
        assert_eq!(spaces.functions, BTreeSet::from([0, 1, 2, 3, 4, 5]));
        assert_eq!((spaces.globals, spaces.tables), (1, 1));
    }

    #[test]
    fn what_is_imported_counts_first() {
        let text = r#"(module (import "m" "g" (global i32)) (import "m" "t" (table 1 funcref))
            (import "m" "m" (memory 1)) (global i32 (i32.const 0)) (func) (start 0)
            (export "g" (global 0)))"#;
        let found = find(&wat::parse_str(text).unwrap()).unwrap();
        let Spaces {
            globals, tables, ..
        } = found.spaces;
        assert_eq!((globals, tables), (2, 1));
        assert_eq!((found.memories, found.start), (1, Some(0)));
    }

    #[test]
    fn more_than_every_call_can_have_restored_is_refused() {
        let global = "(global i32 (i32.const 0))";
        assert!(found(&global.repeat(MAX_RESTORED)).is_ok());
        too_large(&global.repeat(MAX_RESTORED + 1), "100001 globals");
        let functions = "(func)".repeat(MAX_RESTORED);
        let indices: Vec<_> = (0..=MAX_RESTORED).map(|i| i.to_string()).collect();
        let items = format!("{functions} (elem func {})", indices.join(" "));
        too_large(&items, "100001 functions");
    }
}
