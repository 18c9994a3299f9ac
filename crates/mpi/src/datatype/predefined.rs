//! The predefined types of C and C++.

use std::sync::OnceLock;

use super::{Content, Datatype, Piece, TypeRef};
use crate::abi::Handle;

/// What operations know a predefined type as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basic {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// IEEE binary128, which the host does not compute with, alone or in a pair or complex.
    F128,
    C32,
    C64,
    Bool,
    Byte,
    /// No operation knows it.
    Opaque,
    F32Int,
    F64Int,
    I32Int,
    I16Int,
}

/// Types have handles in the first 128 from here on.
const FIRST: u32 = Handle::DATATYPE_NULL.0;
const MANY: usize = 128;

fn table() -> &'static [Option<TypeRef>; MANY] {
    static TABLE: OnceLock<[Option<TypeRef>; MANY]> = OnceLock::new();
    // There as long as the process.
    let leaked = |datatype| TypeRef::Predefined(Box::leak(Box::new(datatype)));
    TABLE
        .get_or_init(|| std::array::from_fn(|index| make(Handle(FIRST + index as u32)).map(leaked)))
}

/// The predefined type of this handle.
pub(crate) fn predefined(handle: Handle) -> Option<&'static TypeRef> {
    let index = handle.0.checked_sub(FIRST)?;
    table().get(index as usize)?.as_ref()
}

fn make(handle: Handle) -> Option<Datatype> {
    let item = |basic, size| Some(item(basic, size));
    match handle {
        Handle::AINT | Handle::INT | Handle::LONG | Handle::INT32_T => item(Basic::I32, 4),
        Handle::COUNT | Handle::OFFSET | Handle::LONG_LONG | Handle::INT64_T => item(Basic::I64, 8),
        Handle::SHORT | Handle::INT16_T => item(Basic::I16, 2),
        Handle::UNSIGNED_SHORT | Handle::UINT16_T => item(Basic::U16, 2),
        Handle::UNSIGNED | Handle::UNSIGNED_LONG | Handle::UINT32_T => item(Basic::U32, 4),
        Handle::UNSIGNED_LONG_LONG | Handle::UINT64_T => item(Basic::U64, 8),
        Handle::SIGNED_CHAR | Handle::INT8_T => item(Basic::I8, 1),
        Handle::UNSIGNED_CHAR | Handle::UINT8_T => item(Basic::U8, 1),
        Handle::FLOAT => item(Basic::F32, 4),
        Handle::DOUBLE => item(Basic::F64, 8),
        Handle::LONG_DOUBLE => item(Basic::F128, 16),
        Handle::C_FLOAT_COMPLEX | Handle::CXX_FLOAT_COMPLEX => complex(Basic::C32, 4),
        Handle::C_DOUBLE_COMPLEX | Handle::CXX_DOUBLE_COMPLEX => complex(Basic::C64, 8),
        Handle::C_LONG_DOUBLE_COMPLEX | Handle::CXX_LONG_DOUBLE_COMPLEX => complex(Basic::F128, 16),
        Handle::C_BOOL | Handle::CXX_BOOL => item(Basic::Bool, 1),
        Handle::BYTE => item(Basic::Byte, 1),
        Handle::CHAR | Handle::PACKED => item(Basic::Opaque, 1),
        Handle::WCHAR => item(Basic::Opaque, 4),
        Handle::FLOAT_INT => pair(Basic::F32Int, 4),
        Handle::DOUBLE_INT => pair(Basic::F64Int, 8),
        Handle::LONG_INT | Handle::TWO_INT => pair(Basic::I32Int, 4),
        Handle::SHORT_INT => pair(Basic::I16Int, 2),
        Handle::LONG_DOUBLE_INT => pair(Basic::F128, 16),
        _ => None,
    }
}

fn item(basic: Basic, size: i64) -> Datatype {
    Datatype {
        size: size.cast_unsigned(),
        lower: 0,
        extent: size,
        true_lower: 0,
        true_upper: size,
        elements: 1,
        align: size,
        is_resized: false,
        is_dense: true,
        depth: 0,
        weight: 1,
        basic: Some(basic),
        content: Content::Item,
        held: None,
    }
}

/// One item for the standard, aligned as its parts are.
fn complex(basic: Basic, part: i64) -> Option<Datatype> {
    Some(Datatype {
        align: part,
        ..item(basic, 2 * part)
    })
}

/// A C struct of a value and an int: two items, since the standard defines it as one of those.
fn pair(basic: Basic, value: i64) -> Option<Datatype> {
    let int_at = value.max(4);
    let align = value.max(4);
    let true_upper = int_at + 4;
    let piece = |at, size| Piece {
        at,
        count: 1,
        child: item(Basic::Opaque, size).into(),
    };
    Some(Datatype {
        size: (value + 4).cast_unsigned(),
        extent: (true_upper + align - 1) / align * align,
        true_upper,
        align,
        is_dense: value == int_at,
        elements: 2,
        content: Content::List(vec![piece(0, value), piece(int_at, 4)]),
        ..item(basic, value)
    })
}
