//! The predefined operations on the predefined types.

use crate::abi::Handle;
use crate::datatype::Basic;

/// A predefined operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Sum,
    Product,
    Min,
    Max,
    And,
    Or,
    Xor,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    MinLoc,
    MaxLoc,
}

/// The operation of this handle.
pub(super) fn builtin(op: Handle) -> Option<Builtin> {
    Some(match op {
        Handle::SUM => Builtin::Sum,
        Handle::PROD => Builtin::Product,
        Handle::MIN => Builtin::Min,
        Handle::MAX => Builtin::Max,
        Handle::BAND => Builtin::And,
        Handle::BOR => Builtin::Or,
        Handle::BXOR => Builtin::Xor,
        Handle::LAND => Builtin::LogicalAnd,
        Handle::LOR => Builtin::LogicalOr,
        Handle::LXOR => Builtin::LogicalXor,
        Handle::MINLOC => Builtin::MinLoc,
        Handle::MAXLOC => Builtin::MaxLoc,
        _ => return None,
    })
}

/// An operation on a type it is defined for: makes `into[i]` what `into[i] op from[i]` is, in
/// packed data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Combine(fn(&mut [u8], &[u8]));

/// Applies an operation to the data of a lower rank (`into`) and of a higher one.
pub(crate) fn combine(combine: Combine, into: &mut [u8], from: &[u8]) {
    (combine.0)(into, from);
}

fn each<const N: usize>(into: &mut [u8], from: &[u8], f: impl Fn([u8; N], [u8; N]) -> [u8; N]) {
    let (into, from) = (into.as_chunks_mut::<N>().0, from.as_chunks::<N>().0);
    for (a, b) in into.iter_mut().zip(from) {
        *a = f(*a, *b);
    }
}

macro_rules! apply {
    ($kind:ty, |$a:ident, $b:ident| $result:expr) => {{
        const BYTES: usize = size_of::<$kind>();
        fn run(into: &mut [u8], from: &[u8]) {
            each::<BYTES>(into, from, |a, b| {
                let ($a, $b) = (<$kind>::from_le_bytes(a), <$kind>::from_le_bytes(b));
                let result: $kind = $result;
                result.to_le_bytes()
            });
        }
        Combine(run)
    }};
}

macro_rules! integer {
    ($kind:ty, $op:expr) => {
        match $op {
            Builtin::Sum => apply!($kind, |a, b| a.wrapping_add(b)),
            Builtin::Product => apply!($kind, |a, b| a.wrapping_mul(b)),
            Builtin::Min => apply!($kind, |a, b| a.min(b)),
            Builtin::Max => apply!($kind, |a, b| a.max(b)),
            Builtin::And => apply!($kind, |a, b| a & b),
            Builtin::Or => apply!($kind, |a, b| a | b),
            Builtin::Xor => apply!($kind, |a, b| a ^ b),
            Builtin::LogicalAnd => apply!($kind, |a, b| <$kind>::from(a != 0 && b != 0)),
            Builtin::LogicalOr => apply!($kind, |a, b| <$kind>::from(a != 0 || b != 0)),
            Builtin::LogicalXor => apply!($kind, |a, b| <$kind>::from((a != 0) != (b != 0))),
            Builtin::MinLoc | Builtin::MaxLoc => return None,
        }
    };
}

// As C compares: what is not a number is neither smaller nor larger.
macro_rules! float {
    ($kind:ty, $op:expr) => {
        match $op {
            Builtin::Sum => apply!($kind, |a, b| a + b),
            Builtin::Product => apply!($kind, |a, b| a * b),
            Builtin::Min => apply!($kind, |a, b| if b < a { b } else { a }),
            Builtin::Max => apply!($kind, |a, b| if b > a { b } else { a }),
            _ => return None,
        }
    };
}

macro_rules! complex {
    ($part:ty, $op:expr) => {{
        const PART: usize = size_of::<$part>();
        fn parts(bytes: [u8; 2 * PART]) -> ($part, $part) {
            let parts = bytes.as_chunks::<PART>().0;
            (
                <$part>::from_le_bytes(parts[0]),
                <$part>::from_le_bytes(parts[1]),
            )
        }
        fn run(into: &mut [u8], from: &[u8], f: fn(($part, $part), ($part, $part)) -> [$part; 2]) {
            each::<{ 2 * PART }>(into, from, |a, b| {
                let mut bytes = [0; 2 * PART];
                let result = f(parts(a), parts(b)).map(<$part>::to_le_bytes);
                bytes.copy_from_slice(result.as_flattened());
                bytes
            });
        }
        fn sum(into: &mut [u8], from: &[u8]) {
            run(into, from, |(a, b), (c, d)| [a + c, b + d]);
        }
        fn product(into: &mut [u8], from: &[u8]) {
            run(into, from, |(a, b), (c, d)| [a * c - b * d, a * d + b * c]);
        }
        match $op {
            Builtin::Sum => Combine(sum),
            Builtin::Product => Combine(product),
            _ => return None,
        }
    }};
}

// A value and an int, packed. Of equal values the lower int counts.
macro_rules! pair {
    ($value:ty, $op:expr) => {{
        const VALUE: usize = size_of::<$value>();
        const BYTES: usize = VALUE + 4;
        fn parts(bytes: [u8; BYTES]) -> ($value, i32) {
            let (mut value, mut place) = ([0; VALUE], [0; 4]);
            value.copy_from_slice(&bytes[..VALUE]);
            place.copy_from_slice(&bytes[VALUE..]);
            (<$value>::from_le_bytes(value), i32::from_le_bytes(place))
        }
        fn min(into: &mut [u8], from: &[u8]) {
            each::<BYTES>(into, from, |a, b| {
                let ((x, i), (y, j)) = (parts(a), parts(b));
                if y < x || (y == x && j < i) { b } else { a }
            });
        }
        fn max(into: &mut [u8], from: &[u8]) {
            each::<BYTES>(into, from, |a, b| {
                let ((x, i), (y, j)) = (parts(a), parts(b));
                if y > x || (y == x && j < i) { b } else { a }
            });
        }
        match $op {
            Builtin::MinLoc => Combine(min),
            Builtin::MaxLoc => Combine(max),
            _ => return None,
        }
    }};
}

impl Combine {
    /// The operation on this type, if it is defined.
    pub(super) fn new(op: Builtin, basic: Basic) -> Option<Self> {
        let is_bitwise = matches!(op, Builtin::And | Builtin::Or | Builtin::Xor);
        let is_logical = matches!(
            op,
            Builtin::LogicalAnd | Builtin::LogicalOr | Builtin::LogicalXor
        );
        Some(match basic {
            Basic::I8 => integer!(i8, op),
            Basic::U8 => integer!(u8, op),
            Basic::I16 => integer!(i16, op),
            Basic::U16 => integer!(u16, op),
            Basic::I32 => integer!(i32, op),
            Basic::U32 => integer!(u32, op),
            Basic::I64 => integer!(i64, op),
            Basic::U64 => integer!(u64, op),
            Basic::Bool if is_logical => integer!(u8, op),
            Basic::Byte if is_bitwise => integer!(u8, op),
            Basic::F32 => float!(f32, op),
            Basic::F64 => float!(f64, op),
            Basic::C32 => complex!(f32, op),
            Basic::C64 => complex!(f64, op),
            Basic::F32Int => pair!(f32, op),
            Basic::F64Int => pair!(f64, op),
            Basic::I32Int => pair!(i32, op),
            Basic::I16Int => pair!(i16, op),
            Basic::Bool | Basic::Byte | Basic::F128 | Basic::Opaque => return None,
        })
    }
}
