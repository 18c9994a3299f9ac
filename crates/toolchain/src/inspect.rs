//! What a module or an object file imports and exports.

use std::fs;
use std::path::Path;

use wasmparser::{BinaryReaderError, Parser, Payload, TypeRef};

use crate::Error;

/// The outside of a WebAssembly file.
#[derive(Debug, Default)]
pub(crate) struct Interface {
    pub imports: Vec<Import>,
    pub exports: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Import {
    pub module: String,
    pub name: String,
    pub is_function: bool,
}

impl Interface {
    pub(crate) fn of_file(path: &Path) -> Result<Self, Error> {
        Self::read(&fs::read(path).map_err(Error::io("read", path))?)
    }

    pub(crate) fn read(wasm: &[u8]) -> Result<Self, Error> {
        Self::parse(wasm).map_err(|e| Error::BadModule(e.to_string()))
    }

    fn parse(wasm: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut interface = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        interface.imports.push(Import {
                            module: import.module.into(),
                            name: import.name.into(),
                            is_function: matches!(import.ty, TypeRef::Func(_)),
                        });
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        interface.exports.push(export?.name.into());
                    }
                }
                _ => {}
            }
        }
        Ok(interface)
    }

    pub(crate) fn exports(&self, name: &str) -> bool {
        self.exports.iter().any(|export| export == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Interface;

    #[test]
    fn what_is_no_module_is_an_error() {
        for bad in [
            &b""[..],
            b"\0asm",
            b"hello world",
            b"\0asm\x01\0\0\0\x02\xff\xff",
        ] {
            assert!(Interface::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_empty_module_has_no_interface() {
        let empty = Interface::read(b"\0asm\x01\0\0\0").unwrap();
        assert!(empty.imports.is_empty() && empty.exports.is_empty());
    }
}
