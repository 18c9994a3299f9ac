//! Loads and stores of guests that hit state which is not open yet.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::unix::StoreExt;

use crate::mappings::Table;

/// Has faults of this store's guest shown to its mappings of state before they count as
/// traps. To be called before the guest is entered.
pub(crate) fn serve<T>(store: &mut Store<T>, table: Arc<Table>) {
    let handler = move |signal, info: *const libc::siginfo_t, _: *const libc::c_void| {
        if signal != libc::SIGSEGV {
            return false;
        }
        // SAFETY: the kernel hands a valid record to handlers of SIGSEGV.
        let address = unsafe { (*info).si_addr() } as usize;
        table.fault(address)
    };
    // SAFETY: a handler of signals must not use what the interrupted code may be in the
    // middle of: locks, the allocator. The only code that this one interrupts and that
    // touches mapped state is the guest's, which holds no lock of the process and never
    // allocates: the host opens what it touches beforehand (`Table::open`), so it never
    // faults there. For faults elsewhere in host code, which are bugs and end the process,
    // the table may be locked only by this very thread inside `Table::open` or `add`,
    // which do not touch guest memory.
    unsafe { store.set_signal_handler(handler) };
}
