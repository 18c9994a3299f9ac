//! What is to happen to errors.

use crate::abi::{Address, Handle, MAX_ERROR_STRING};
use crate::error::{Class, Error, Result};
use crate::host::{Host, HostExt};
use crate::memory::MemoryExt;

fn check(errhandler: Handle) -> Result<()> {
    match errhandler {
        Handle::ERRORS_ARE_FATAL | Handle::ERRORS_ABORT | Handle::ERRORS_RETURN => Ok(()),
        other => Err(Class::Errhandler.because(format!("the handle is {other:?}"))),
    }
}

pub(crate) fn comm_set_errhandler<H: Host>(
    host: &mut H,
    comm: Handle,
    errhandler: Handle,
) -> Result<()> {
    let rank = host.rank();
    rank.comm(comm)?;
    check(errhandler)?;
    rank.comms.get_mut(comm)?.errhandler = errhandler;
    rank.comms.is_own_handler_set |= comm == Handle::COMM_SELF;
    Ok(())
}

pub(crate) fn comm_get_errhandler<H: Host>(
    host: &mut H,
    comm: Handle,
    errhandler: Address,
) -> Result<()> {
    let rank = host.rank();
    rank.comm(comm)?;
    let handle = rank.comms.get(comm)?.errhandler;
    host.with(|memory| Ok(memory.write_word(errhandler, handle.0)?))
}

pub(crate) fn comm_call_errhandler<H: Host>(host: &mut H, comm: Handle, code: i32) -> Result<()> {
    let rank = host.rank();
    rank.comm(comm)?;
    match rank.comms.returns_errors(comm) {
        true => Ok(()),
        false => Err(match Class::from_code(code) {
            Some(class) => class.because("raised by MPI_Comm_call_errhandler"),
            None => Error::Returned(code),
        }),
    }
}

pub(crate) fn errhandler_free<H: Host>(host: &mut H, errhandler: Address) -> Result<()> {
    let handle = host.with(|memory| Ok(Handle(memory.read_word(errhandler)?)))?;
    check(handle)?;
    host.with(|memory| Ok(memory.write_word(errhandler, Handle::ERRHANDLER_NULL.0)?))
}

/// Codes are classes; others are the program's own.
pub(crate) fn error_class<H: Host>(host: &mut H, code: i32, class: Address) -> Result<()> {
    host.with(|memory| Ok(memory.write_int(class, code)?))
}

pub(crate) fn error_string<H: Host>(
    host: &mut H,
    code: i32,
    text: Address,
    len: Address,
) -> Result<()> {
    let string = match (code, Class::from_code(code)) {
        (0, _) => "MPI_SUCCESS: no error",
        (_, Some(class)) => class.text(),
        (_, None) => "an error code that MPI does not know",
    };
    let bytes = &string.as_bytes()[..string.len().min(MAX_ERROR_STRING - 1)];
    host.with(|memory| {
        memory.write_string(text, bytes)?;
        Ok(memory.write_word(len, bytes.len() as u32)?)
    })
}
