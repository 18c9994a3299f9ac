//! The error numbers of WASI preview 1.

macro_rules! errnos {
    ($($number:literal $name:ident $text:literal,)*) => {
        /// Why an operation failed, numbered as in WASI preview 1 (success, 0, is not an error).
        ///
        /// ```
        /// use faasm_vfs::Errno;
        /// assert_eq!(Errno::Noent as u16, 44);
        /// assert_eq!(Errno::Noent.to_string(), "no such file or directory");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
        #[repr(u16)]
        pub enum Errno {
            $(#[doc = $text] #[error($text)] $name = $number,)*
        }

        impl Errno {
            /// Every error, in the order of their numbers.
            pub const ALL: &[Errno] = &[$(Errno::$name,)*];
        }
    };
}

errnos! {
    1 TooBig "argument list too long",
    2 Acces "permission denied",
    3 Addrinuse "address in use",
    4 Addrnotavail "address not available",
    5 Afnosupport "address family not supported",
    6 Again "resource unavailable, or operation would block",
    7 Already "connection already in progress",
    8 Badf "bad file descriptor",
    9 Badmsg "bad message",
    10 Busy "device or resource busy",
    11 Canceled "operation canceled",
    12 Child "no child processes",
    13 Connaborted "connection aborted",
    14 Connrefused "connection refused",
    15 Connreset "connection reset",
    16 Deadlk "resource deadlock would occur",
    17 Destaddrreq "destination address required",
    18 Dom "mathematics argument out of domain of function",
    19 Dquot "disk quota exceeded",
    20 Exist "file exists",
    21 Fault "bad address",
    22 Fbig "file too large",
    23 Hostunreach "host is unreachable",
    24 Idrm "identifier removed",
    25 Ilseq "illegal byte sequence",
    26 Inprogress "operation in progress",
    27 Intr "interrupted function",
    28 Inval "invalid argument",
    29 Io "input/output error",
    30 Isconn "socket is connected",
    31 Isdir "is a directory",
    32 Loop "too many levels of symbolic links",
    33 Mfile "too many open files in the call",
    34 Mlink "too many links",
    35 Msgsize "message too large",
    36 Multihop "multihop attempted",
    37 Nametoolong "file name too long",
    38 Netdown "network is down",
    39 Netreset "connection aborted by network",
    40 Netunreach "network unreachable",
    41 Nfile "too many files open in the system",
    42 Nobufs "no buffer space available",
    43 Nodev "no such device",
    44 Noent "no such file or directory",
    45 Noexec "executable file format error",
    46 Nolck "no locks available",
    47 Nolink "link has been severed",
    48 Nomem "not enough space in memory",
    49 Nomsg "no message of the desired type",
    50 Noprotoopt "protocol not available",
    51 Nospc "no space left in the call's scratch layer",
    52 Nosys "function not supported",
    53 Notconn "the socket is not connected",
    54 Notdir "not a directory",
    55 Notempty "directory not empty",
    56 Notrecoverable "state not recoverable",
    57 Notsock "not a socket",
    58 Notsup "not supported",
    59 Notty "inappropriate I/O control operation",
    60 Nxio "no such device or address",
    61 Overflow "value too large to be stored in data type",
    62 Ownerdead "previous owner died",
    63 Perm "operation not permitted",
    64 Pipe "broken pipe",
    65 Proto "protocol error",
    66 Protonosupport "protocol not supported",
    67 Prototype "protocol wrong type for socket",
    68 Range "result too large",
    69 Rofs "read-only file system",
    70 Spipe "invalid seek",
    71 Srch "no such process",
    72 Stale "stale file handle",
    73 Timedout "connection timed out",
    74 Txtbsy "text file busy",
    75 Xdev "cross-device link",
    76 Notcapable "capabilities insufficient: the descriptor lacks a right",
}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn numbers_are_dense_from_one_to_seventy_six() {
        let numbers: Vec<u16> = Errno::ALL.iter().map(|&errno| errno as u16).collect();
        assert_eq!(numbers, (1..=76).collect::<Vec<u16>>());
    }

    #[test]
    fn well_known_numbers_are_those_of_wasi() {
        assert_eq!(Errno::Badf as u16, 8);
        assert_eq!(Errno::Exist as u16, 20);
        assert_eq!(Errno::Isdir as u16, 31);
        assert_eq!(Errno::Notcapable as u16, 76);
    }
}
