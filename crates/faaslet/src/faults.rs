//! Loads and stores of guests that hit state which is not open yet.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::unix::StoreExt;

use crate::mappings::Table;

/// Has faults of this store's guest shown to its mappings of state before they count as
/// traps. To be called before the guest is entered.
pub(crate) fn serve<T>(store: &mut Store<T>, table: Arc<Table>) {
    let handler = move |signal, info: *const libc::siginfo_t, context: *const libc::c_void| {
        if signal != libc::SIGSEGV {
            return false;
        }
        // SAFETY: the kernel hands a valid record to handlers of SIGSEGV.
        let address = unsafe { (*info).si_addr() } as usize;
        // SAFETY: the kernel hands over what it saved of the interrupted code.
        let pc = unsafe { interrupted(context.cast()) };
        table.fault(address, pc)
    };
    // SAFETY: a handler of signals must not use what the interrupted code may be in the
    // middle of: locks, the allocator. The only code that this one interrupts and that
    // touches mapped state is the guest's, and that of `memory.fill` and its kind, which
    // hold no lock of the process and never allocate: the host opens what it touches
    // beforehand (`Table::open`), so it never faults there. For faults elsewhere in host code, which are bugs and end the process,
    // the table may be locked only by this very thread inside `Table::open` or `add`,
    // which do not touch guest memory.
    unsafe { store.set_signal_handler(handler) };
}

/// Where the code was that a signal interrupted; `None` on machines where we cannot tell.
///
/// # Safety
/// `context` is what the kernel handed to a handler.
unsafe fn interrupted(context: *const libc::ucontext_t) -> Option<usize> {
    // SAFETY: the caller's promise.
    let machine = unsafe { &(*context).uc_mcontext };
    #[cfg(target_arch = "x86_64")]
    let pc = Some(machine.gregs[libc::REG_RIP as usize] as usize);
    #[cfg(target_arch = "aarch64")]
    let pc = Some(machine.pc as usize);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let pc = {
        let _ = machine;
        None
    };
    pc
}
