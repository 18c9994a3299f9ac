//! What can go wrong in a call, and what that means for the rank.

use std::borrow::Cow;
use std::sync::Arc;

use crate::memory::BadAddress;

macro_rules! classes {
    ($($(#[$meta:meta])* $name:ident = $value:literal, $constant:literal, $text:literal;)*) => {
        /// The error classes of the standard that can come up here. Codes are classes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Class { $(#[doc = concat!("`", $constant, "`: ", $text, ".")] $name = $value,)* }

        impl Class {
            /// The class with this number.
            #[must_use]
            pub fn from_code(code: i32) -> Option<Self> {
                match code { $($value => Some(Self::$name),)* _ => None }
            }

            /// The constant's name in C.
            #[must_use]
            pub fn constant(self) -> &'static str {
                match self { $(Self::$name => $constant,)* }
            }

            /// What `MPI_Error_string` says.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => concat!($constant, ": ", $text),)* }
            }
        }
    };
}

classes! {
    Buffer = 1, "MPI_ERR_BUFFER", "the buffer is not one, or too small";
    Count = 2, "MPI_ERR_COUNT", "the count is negative or too large";
    Type = 3, "MPI_ERR_TYPE", "the datatype is not one, or not committed";
    Tag = 4, "MPI_ERR_TAG", "the tag is negative";
    Comm = 5, "MPI_ERR_COMM", "the communicator is not one";
    Rank = 6, "MPI_ERR_RANK", "the rank is not one of the communicator or group";
    Request = 7, "MPI_ERR_REQUEST", "the request is not one";
    Root = 8, "MPI_ERR_ROOT", "the root is not a rank of the communicator";
    Group = 9, "MPI_ERR_GROUP", "the group is not one";
    Op = 10, "MPI_ERR_OP", "the operation is not one, or not for this datatype";
    Topology = 11, "MPI_ERR_TOPOLOGY", "the communicator has no such topology";
    Dims = 12, "MPI_ERR_DIMS", "the dimensions are not possible";
    Arg = 13, "MPI_ERR_ARG", "an argument is not valid";
    Unknown = 14, "MPI_ERR_UNKNOWN", "unknown error";
    Truncate = 15, "MPI_ERR_TRUNCATE", "the message is longer than the buffer it is received in";
    Other = 16, "MPI_ERR_OTHER", "an error that no other class describes";
    Intern = 17, "MPI_ERR_INTERN", "an error inside of the MPI implementation";
    Pending = 18, "MPI_ERR_PENDING", "the request is neither complete nor failed";
    InStatus = 19, "MPI_ERR_IN_STATUS", "the errors are in the statuses";
    Disp = 26, "MPI_ERR_DISP", "the displacement is not valid";
    InfoKey = 31, "MPI_ERR_INFO_KEY", "the key is empty or too long";
    InfoNoKey = 32, "MPI_ERR_INFO_NOKEY", "there is no such key";
    InfoValue = 33, "MPI_ERR_INFO_VALUE", "the value is too long";
    Info = 34, "MPI_ERR_INFO", "the info object is not one";
    Keyval = 36, "MPI_ERR_KEYVAL", "the attribute's key is not one";
    NoMem = 39, "MPI_ERR_NO_MEM", "there is no memory left for it";
    UnsupportedOperation = 55, "MPI_ERR_UNSUPPORTED_OPERATION", "that is not supported";
    ValueTooLarge = 59, "MPI_ERR_VALUE_TOO_LARGE", "the value does not fit where it is to be stored";
    Errhandler = 61, "MPI_ERR_ERRHANDLER", "the error handler is not one";
}

/// An error in the sense of the standard: what happens then is up to the error handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", class.text(), Detail(detail))]
pub struct Fault {
    /// What kind of error.
    pub class: Class,
    /// What exactly was wrong, if more is known than the class says.
    pub detail: Option<String>,
}

struct Detail<'a>(&'a Option<String>);

impl std::fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// Why a whole world has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Aborted {
    /// The rank of `MPI_COMM_WORLD` that ended it; none if nobody in particular did.
    pub by: Option<u32>,
    /// The code given to `MPI_Abort`, if that was called.
    pub code: Option<i32>,
    /// What happened, for people.
    pub reason: String,
}

/// Why a rank must not go on: its program is to be stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The rank's world has ended.
    #[error(transparent)]
    Aborted(Arc<Aborted>),
    /// The program has given an address outside of its memory.
    #[error("{call}: {error}")]
    BadAddress {
        /// The function that was called.
        call: &'static str,
        /// What lies outside.
        error: BadAddress,
    },
    /// The program has used MPI where it must not.
    #[error("{call}: {problem}")]
    Misuse {
        /// The function that was called.
        call: &'static str,
        /// What it must not.
        problem: Cow<'static, str>,
    },
    /// A function of the program that MPI has called did not return; the host knows why.
    #[error("a function of the program did not return")]
    Trapped,
}

/// What ends a call other than well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something for the error handler.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An address outside of the rank's memory: ends the rank.
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    /// Ends the rank.
    #[error(transparent)]
    Stop(#[from] Stop),
    /// A code that a function of the program has returned: for the error handler.
    #[error("a function of the program has returned the error code {0}")]
    Returned(i32),
}

/// The result of most of this crate.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Class {
    /// An error of this class with something to say about it.
    pub(crate) fn because(self, detail: impl Into<String>) -> Error {
        Error::Fault(Fault {
            class: self,
            detail: Some(detail.into()),
        })
    }
}

impl From<Class> for Error {
    fn from(class: Class) -> Self {
        Self::Fault(Fault {
            class,
            detail: None,
        })
    }
}

impl Error {
    /// The error code that the program sees.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::Fault(fault) => fault.class as i32,
            Self::Returned(code) => *code,
            Self::BadAddress(_) | Self::Stop(_) => Class::Intern as i32,
        }
    }
}
