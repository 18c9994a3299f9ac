//! A module made ready for images.
//!
//! Restoring an image is putting memory, globals and table entries where the initialiser left
//! them. For that the module is changed a little before it is compiled: it exports what it hides
//! of these, it does not initialise its memory itself, and its start function becomes an export.

use wasm_encoder::{DataSection, ExportKind, ExportSection, Module, RawSection};
use wasmparser::{ConstExpr, Data, DataKind, ExternalKind, Operator, Parser, Payload};
use wasmtime::Engine;

use super::spaces::{Found, Spaces, find};
use crate::loaded::ZYGOTES;
use crate::refusal::Refusal;

/// What the names of the added exports begin with.
const PREFIX: &str = "faasm.image/";

/// The start function, which no longer runs by itself.
pub(crate) const START: &str = "faasm.image/start";

/// The memory, whether or not the module exports it itself.
pub(crate) const MEMORY: &str = "faasm.image/memory";

/// The name under which global `index` is exported.
pub(crate) fn global(index: u32) -> String {
    format!("{PREFIX}global/{index}")
}

/// The name under which table `index` is exported.
pub(crate) fn table(index: u32) -> String {
    format!("{PREFIX}table/{index}")
}

/// The name under which function `index` is exported.
pub(crate) fn function(index: u32) -> String {
    format!("{PREFIX}function/{index}")
}

/// A module that can be started from an image.
pub(crate) struct Bare {
    /// The changed module.
    pub(crate) binary: Vec<u8>,
    /// What the module puts into its memory before anything runs.
    pub(crate) segments: Vec<Segment>,
    pub(crate) spaces: Spaces,
}

/// Bytes that belong at `offset` of the memory.
pub(crate) struct Segment {
    pub(crate) offset: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Whether a module exports an initialiser.
pub(crate) fn has_initialiser(binary: &[u8]) -> bool {
    let exports = Parser::new(0)
        .parse_all(binary)
        .find_map(|payload| match payload {
            Ok(Payload::ExportSection(section)) => Some(section),
            _ => None,
        });
    let mut exports = exports.into_iter().flatten().flatten();
    exports.any(|export| ZYGOTES.contains(&export.name))
}

/// Whether a compiled module was changed like that.
pub(crate) fn is_bare(module: &wasmtime::Module) -> bool {
    module
        .exports()
        .any(|export| export.name().starts_with(PREFIX))
}

/// Checks that `binary` is a module that `engine` takes, and changes it.
pub(crate) fn bare(engine: &Engine, binary: &[u8]) -> Result<Bare, Refusal> {
    wasmtime::Module::validate(engine, binary).map_err(|e| crate::binary::refusal(&e))?;
    let found = find(binary)?;
    let mut module = Module::new();
    let mut segments = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload.map_err(invalid)?;
        match &payload {
            Payload::ExportSection(section) => {
                let mut all = ExportSection::new();
                for export in section.clone() {
                    let export = export.map_err(invalid)?;
                    if export.name.starts_with(PREFIX) {
                        return Err(Refusal::Reserved(PREFIX));
                    }
                    all.export(export.name, kind(export.kind)?, export.index);
                }
                add_exports(&mut all, &found);
                module.section(&all);
            }
            Payload::StartSection { .. } => {}
            Payload::DataSection(section) => {
                let mut passive = DataSection::new();
                for data in section.clone() {
                    passive.passive(kept(data.map_err(invalid)?, &mut segments)?);
                }
                module.section(&passive);
            }
            // The code section is copied whole.
            Payload::CodeSectionEntry(_) => {}
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let data = &binary[range];
                    module.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(Bare {
        binary: module.finish(),
        segments,
        spaces: found.spaces,
    })
}

/// What stays of a data segment: an active one is spent once the memory is initialised.
fn kept(data: Data<'_>, segments: &mut Vec<Segment>) -> Result<Vec<u8>, Refusal> {
    match data.kind {
        DataKind::Passive => Ok(data.data.to_vec()),
        DataKind::Active { offset_expr, .. } => {
            segments.push(Segment {
                offset: constant(&offset_expr)?,
                bytes: data.data.to_vec(),
            });
            Ok(Vec::new())
        }
    }
}

fn add_exports(all: &mut ExportSection, found: &Found) {
    let spaces = &found.spaces;
    // The host finds it here if the module does not show it.
    if found.memories > 0 {
        all.export(MEMORY, ExportKind::Memory, 0);
    }
    for index in 0..spaces.globals {
        all.export(&global(index), ExportKind::Global, index);
    }
    for index in 0..spaces.tables {
        all.export(&table(index), ExportKind::Table, index);
    }
    for index in &spaces.functions {
        all.export(&function(*index), ExportKind::Func, *index);
    }
    if let Some(start) = found.start {
        all.export(START, ExportKind::Func, start);
    }
}

/// The value of an offset; compilers for whole programs write nothing else.
fn constant(expression: &ConstExpr<'_>) -> Result<u32, Refusal> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().map_err(invalid)?, operators.read()) {
        (Operator::I32Const { value }, Ok(Operator::End)) => Ok(value.cast_unsigned()),
        _ => Err(Refusal::Initialiser(
            "its data begins at a computed address; link it without -fPIC and -shared".into(),
        )),
    }
}

fn kind(kind: ExternalKind) -> Result<ExportKind, Refusal> {
    match kind {
        ExternalKind::Func => Ok(ExportKind::Func),
        ExternalKind::Table => Ok(ExportKind::Table),
        ExternalKind::Memory => Ok(ExportKind::Memory),
        ExternalKind::Global => Ok(ExportKind::Global),
        _ => Err(Refusal::Invalid("an export is of an unknown kind".into())),
    }
}

pub(super) fn invalid(error: wasmparser::BinaryReaderError) -> Refusal {
    Refusal::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn bare_of(items: &str) -> Result<Bare, Refusal> {
        let text = format!("(module (func $z (export \"_faasm_zygote\")) {items})");
        bare(&Engine::default(), &wat::parse_str(text).unwrap())
    }

    fn exports(bare: &Bare) -> Vec<String> {
        let module = wasmtime::Module::new(&Engine::default(), &bare.binary).unwrap();
        module.exports().map(|e| e.name().to_owned()).collect()
    }

    #[test]
    fn what_is_hidden_is_exported_and_what_runs_by_itself_is_not() {
        let bare = bare_of(
            r#"(memory 1) (global i32 (i32.const 0)) (global funcref (ref.func $g))
            (table 3 funcref) (elem (i32.const 0) $a) (elem func $b) (elem declare func $c)
            (func $a) (func $b) (func $c) (func $g) (func $s) (func $none) (start $s)
            (data (i32.const 5) "active") (data "passive")"#,
        );
        let bare = bare.unwrap();
        let spaces = &bare.spaces;
        assert_eq!((spaces.globals, spaces.tables), (2, 1));
        assert_eq!(spaces.functions, BTreeSet::from([0, 1, 2, 3, 4]));
        let expected = [
            "_faasm_zygote",
            "faasm.image/memory",
            "faasm.image/global/0",
            "faasm.image/global/1",
            "faasm.image/table/0",
            "faasm.image/function/0",
            "faasm.image/function/1",
            "faasm.image/function/2",
            "faasm.image/function/3",
            "faasm.image/function/4",
            "faasm.image/start",
        ];
        assert_eq!(exports(&bare), expected);
        let [segment] = &bare.segments[..] else {
            panic!("{} segments", bare.segments.len());
        };
        assert_eq!((segment.offset, &segment.bytes[..]), (5, &b"active"[..]));
        let module = wasmtime::Module::new(&Engine::default(), &bare.binary).unwrap();
        assert!(is_bare(&module) && has_initialiser(&bare.binary));
    }

    #[test]
    fn a_module_without_memory_gets_none() {
        let exports = exports(&bare_of("").unwrap());
        assert_eq!(exports, ["_faasm_zygote", "faasm.image/function/0"]);
    }

    #[test]
    fn an_invalid_module_is_refused_before_it_is_changed() {
        let refused = bare_of("(data (i32.const 0) \"without a memory\")").map(drop);
        assert!(matches!(refused, Err(Refusal::Invalid(_))), "{refused:?}");
    }

    #[test]
    fn data_at_a_computed_address_is_refused() {
        let sum = "(memory 1) (data (i32.add (i32.const 1) (i32.const 2)) \"x\")";
        let global = "(memory 1) (global $g i32 (i32.const 8)) (data (global.get $g) \"x\")";
        for items in [sum, global] {
            let refused = bare_of(items).map(drop);
            let Err(Refusal::Initialiser(message)) = refused else {
                panic!("{refused:?}");
            };
            assert!(message.contains("-fPIC"), "{message}");
        }
    }

    #[test]
    fn the_names_that_are_added_are_nobody_else_s() {
        let refused = bare_of(r#"(func (export "faasm.image/function/0"))"#).map(drop);
        assert!(matches!(refused, Err(Refusal::Reserved(PREFIX))));
    }
}
