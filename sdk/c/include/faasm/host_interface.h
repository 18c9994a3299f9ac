/*
 * The functions that the faasm server offers to a running function, exactly as they
 * are imported from the WebAssembly module "env".
 *
 * Most programs want the friendlier names of "faasm/faasm.h"; these are for libraries
 * and for code that already uses them. On wasm32 `long`, `size_t` and pointers have
 * 32 bits. A pointer or a length outside the function's memory ends the call with an
 * error that names the import.
 */
#ifndef FAASM_HOST_INTERFACE_H
#define FAASM_HOST_INTERFACE_H

#ifdef __wasm__
#define FAASM_IMPORT(name) __attribute__((import_module("env"), import_name(name)))
#else
/* Weak, so that a native build (for unit tests, say) links without a server. */
#define FAASM_IMPORT(name) __attribute__((weak))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Input and output -------------------------------------------------------- */

/*
 * Copies at most `length` bytes of the call's input to `buffer` and returns how many
 * were copied. With `length` 0 nothing is copied and the input's size is returned.
 */
FAASM_IMPORT("__faasm_read_input")
long __faasm_read_input(unsigned char *buffer, long length);

/*
 * Makes `length` bytes at `output` the call's output. They are copied. The last write
 * wins.
 */
FAASM_IMPORT("__faasm_write_output")
void __faasm_write_output(const unsigned char *output, long length);

/* ---- Calling other functions ------------------------------------------------- */

/*
 * Starts a call of the same user's function `name` (NUL-terminated) and returns its
 * handle at once. The input is copied.
 */
FAASM_IMPORT("__faasm_chain_name")
unsigned int __faasm_chain_name(const char *name, const unsigned char *input, long length);

/*
 * Starts a call of a function of this very program in a Faaslet of its own, and
 * returns its handle at once. The callee sees a fresh memory: nothing that the caller
 * wrote to its variables, only the input, which is copied.
 */
FAASM_IMPORT("__faasm_chain_ptr")
unsigned int __faasm_chain_ptr(int (*function)(), const unsigned char *input, long length);

/* Starts a call of another entry point of the same Python file. */
FAASM_IMPORT("__faasm_chain_py")
unsigned int __faasm_chain_py(const char *entry, const unsigned char *input, long length);

/*
 * Waits until `call` has ended and returns what it returned: -1 when it trapped, ran
 * out of time or does not exist. Waiting for a call twice gives the same answer twice.
 * A handle that no chaining function returned is an error that ends the caller.
 */
FAASM_IMPORT("__faasm_await_call")
int __faasm_await_call(unsigned int call);

/*
 * As `__faasm_await_call`, and stores the callee's output: its address in `*output`,
 * its size in `*length`. The server gets the memory from this program's `malloc`
 * (`faasm build` exports it): it is the caller's to `free`.
 */
FAASM_IMPORT("__faasm_await_call_output")
int __faasm_await_call_output(unsigned int call, char **output, int *length);

/* ---- About this call --------------------------------------------------------- */

/* Copies at most `length` bytes of the Python call's user, file or entry to `buffer`. */
FAASM_IMPORT("__faasm_get_py_user")
void __faasm_get_py_user(unsigned char *buffer, long length);
FAASM_IMPORT("__faasm_get_py_func")
void __faasm_get_py_func(unsigned char *buffer, long length);
FAASM_IMPORT("__faasm_get_py_entry")
void __faasm_get_py_entry(unsigned char *buffer, long length);

/* 1 if the deployment switched the flag `key` on, else 0. */
FAASM_IMPORT("__faasm_conf_flag")
unsigned int __faasm_conf_flag(const char *key);

/* Writes a backtrace of at most `depth` frames to the call's standard error. */
FAASM_IMPORT("__faasm_backtrace")
void __faasm_backtrace(int depth);

/* ---- Old names --------------------------------------------------------------- */

/* `__faasm_chain_name` by its old name. */
FAASM_IMPORT("__faasm_chain_function")
unsigned int __faasm_chain_function(const char *name, const unsigned char *input, long length);

/* Starts a call of this program whose `__faasm_get_idx` is `index`. */
FAASM_IMPORT("__faasm_chain_this")
unsigned int __faasm_chain_this(int index, const unsigned char *input, long length);

/* The index this call was chained with; 0 if it was not chained by index. */
FAASM_IMPORT("__faasm_get_idx")
int __faasm_get_idx(void);

#ifdef __cplusplus
}

/*
 * Programs were written against both `unsigned char` and `char` output. The linkage is
 * spelled out because some include this header inside an `extern "C"` of their own.
 */
extern "C++" {
inline void __faasm_write_output(const char *output, long length)
{
    __faasm_write_output(reinterpret_cast<const unsigned char *>(output), length);
}
}
#endif

#endif
