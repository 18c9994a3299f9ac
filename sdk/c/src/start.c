/*
 * Where a WASI program starts.
 *
 * It takes the place of the C library's own, whose older versions leave calling the
 * constructors to the linker: that then wraps *every* export in them, so that the
 * server could not call `main` alone in a memory whose constructors have run. Calling
 * `__wasm_call_ctors` here tells the linker to leave the exports as they are.
 */
#include <wasi/api.h>

/* Made by the linker from the program's constructors. */
void __wasm_call_ctors(void);
/* The C library's way to `main`: it fetches the arguments if `main` wants them. */
int __main_void(void);
/* The C library's: runs `atexit` handlers and destructors, then flushes stdio. */
void __wasm_call_dtors(void);

void _start(void)
{
    __wasm_call_ctors();
    int status = __main_void();
    __wasm_call_dtors();
    if (status != 0) {
        __wasi_proc_exit((__wasi_exitcode_t)status);
    }
}
