//! Values that programs are compiled with: those of the standard ABI of MPI 5.0, on 32 bits.

use std::fmt;

/// An address in a rank's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub u32);

impl From<i32> for Address {
    fn from(value: i32) -> Self {
        Self(value.cast_unsigned())
    }
}

impl Address {
    /// `MPI_BOTTOM`, `MPI_STATUS_IGNORE`, `MPI_STATUSES_IGNORE`: no address of anything.
    pub const NULL: Self = Self(0);
    /// `MPI_IN_PLACE`.
    pub const IN_PLACE: Self = Self(1);

    /// The address of the `index`-th item of `size` bytes each from here on; beyond the end of
    /// any memory it is the last address.
    pub(crate) fn item(self, index: usize, size: u32) -> Self {
        let offset = u64::from(size).saturating_mul(index as u64);
        let at = u64::from(self.0).saturating_add(offset);
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }
}

/// What programs hold of communicators, types, requests and so on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u32);

impl From<i32> for Handle {
    fn from(value: i32) -> Self {
        Self(value.cast_unsigned())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

macro_rules! handles {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl Handle {
            $(#[doc = concat!("`MPI_", stringify!($name), "`.")] pub const $name: Self = Self($value);)*
        }
    };
}

handles! {
    OP_NULL = 0x20, SUM = 0x21, MIN = 0x22, MAX = 0x23, PROD = 0x24,
    BAND = 0x28, BOR = 0x29, BXOR = 0x2a, LAND = 0x30, LOR = 0x31, LXOR = 0x32,
    MINLOC = 0x38, MAXLOC = 0x39,
    COMM_NULL = 0x100, COMM_WORLD = 0x101, COMM_SELF = 0x102,
    GROUP_NULL = 0x108, GROUP_EMPTY = 0x109,
    MESSAGE_NULL = 0x128, MESSAGE_NO_PROC = 0x129,
    INFO_NULL = 0x130, INFO_ENV = 0x131,
    ERRHANDLER_NULL = 0x140, ERRORS_ARE_FATAL = 0x141, ERRORS_ABORT = 0x142, ERRORS_RETURN = 0x143,
    REQUEST_NULL = 0x180,
    DATATYPE_NULL = 0x200, AINT = 0x201, COUNT = 0x202, OFFSET = 0x203, PACKED = 0x207,
    SHORT = 0x208, INT = 0x209, LONG = 0x20a, LONG_LONG = 0x20b,
    UNSIGNED_SHORT = 0x20c, UNSIGNED = 0x20d, UNSIGNED_LONG = 0x20e, UNSIGNED_LONG_LONG = 0x20f,
    FLOAT = 0x210, C_FLOAT_COMPLEX = 0x212, CXX_FLOAT_COMPLEX = 0x213,
    DOUBLE = 0x214, C_DOUBLE_COMPLEX = 0x216, CXX_DOUBLE_COMPLEX = 0x217,
    LONG_DOUBLE = 0x220, C_LONG_DOUBLE_COMPLEX = 0x224, CXX_LONG_DOUBLE_COMPLEX = 0x225,
    FLOAT_INT = 0x228, DOUBLE_INT = 0x229, LONG_INT = 0x22a, TWO_INT = 0x22b, SHORT_INT = 0x22c,
    LONG_DOUBLE_INT = 0x22d,
    C_BOOL = 0x238, CXX_BOOL = 0x239, WCHAR = 0x23c,
    INT8_T = 0x240, UINT8_T = 0x241, CHAR = 0x243, SIGNED_CHAR = 0x244, UNSIGNED_CHAR = 0x245,
    BYTE = 0x247, INT16_T = 0x248, UINT16_T = 0x249, INT32_T = 0x250, UINT32_T = 0x251,
    INT64_T = 0x258, UINT64_T = 0x259,
}

macro_rules! integers {
    ($($name:ident = $value:literal),* $(,)?) => {
        $(#[doc = concat!("`MPI_", stringify!($name), "`.")] pub const $name: i32 = $value;)*
    };
}

integers! {
    ANY_SOURCE = -1, ANY_TAG = -2, PROC_NULL = -3, UNDEFINED = -32766,
    THREAD_SINGLE = 0, THREAD_FUNNELED = 1024, THREAD_MULTIPLE = 4096,
    IDENT = 201, CONGRUENT = 202, SIMILAR = 203, UNEQUAL = 204,
    CART = 211, COMM_TYPE_SHARED = 221,
    KEYVAL_INVALID = 0, TAG_UB = 501, IO = 502, HOST = 503, WTIME_IS_GLOBAL = 504, APPNUM = 505,
    LASTUSEDCODE = 506, UNIVERSE_SIZE = 507,
    BSEND_OVERHEAD = 512,
}

/// Largest tag: the value of `MPI_TAG_UB`.
pub const MAX_TAG: i32 = i32::MAX;
/// Bytes of an `MPI_Status`.
pub const STATUS_BYTES: u32 = 32;
/// Bytes of a handle in memory.
pub const HANDLE_BYTES: u32 = 4;
/// Bytes of an `int` in memory.
pub const INT_BYTES: u32 = 4;
/// `MPI_MAX_ERROR_STRING`.
pub const MAX_ERROR_STRING: usize = 512;
/// `MPI_MAX_INFO_KEY`.
pub const MAX_INFO_KEY: usize = 256;
/// `MPI_MAX_INFO_VAL`.
pub const MAX_INFO_VALUE: usize = 1024;
/// `MPI_MAX_OBJECT_NAME`.
pub const MAX_OBJECT_NAME: usize = 128;
/// `MPI_MAX_PROCESSOR_NAME`.
pub const MAX_PROCESSOR_NAME: usize = 256;
/// `MPI_COMM_DUP_FN`: an attribute is copied as it is.
pub const DUP_FN: u32 = u32::MAX;
