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

/* ---- State ------------------------------------------------------------------- */

/*
 * Values of bytes, shared by all functions of a user. Lengths, offsets and totals are in
 * bytes and at most 2 GiB - 1; a negative one, or a range outside the total, ends the call.
 * A key is 1 to 512 bytes of text without `/` and control characters. A key that was never
 * written has a value of size 0.
 *
 * `total` is how large the caller takes the value to be: a larger one extends the value
 * with zeros, with a smaller one the caller sees the beginning of it.
 */

/*
 * Copies `length` bytes of the value to `buffer`, zeros where the value is shorter, and
 * returns the value's size. With `buffer` NULL or `length` 0 nothing is copied.
 */
FAASM_IMPORT("__faasm_read_state")
long __faasm_read_state(const char *key, unsigned char *buffer, long length);

/*
 * Maps the value into this memory and returns its address: no copy, what is stored there
 * is the value. Asking for a key again returns the same address, as long as the value is not
 * replaced.
 */
FAASM_IMPORT("__faasm_read_state_ptr")
unsigned char *__faasm_read_state_ptr(const char *key, long total);

/* Copies `length` bytes from `offset` on to `buffer`. */
FAASM_IMPORT("__faasm_read_state_offset")
void __faasm_read_state_offset(const char *key, long total, long offset, unsigned char *buffer,
                               long length);

/* As `__faasm_read_state_ptr`, for `length` bytes from `offset` on: it fetches only those. */
FAASM_IMPORT("__faasm_read_state_offset_ptr")
unsigned char *__faasm_read_state_offset_ptr(const char *key, long total, long offset, long length);

/* Makes `length` bytes at `data` the value. With another size than before it replaces the value. */
FAASM_IMPORT("__faasm_write_state")
void __faasm_write_state(const char *key, const unsigned char *data, long length);

/* Writes `length` bytes from `offset` on. */
FAASM_IMPORT("__faasm_write_state_offset")
void __faasm_write_state_offset(const char *key, long total, long offset,
                                const unsigned char *data, long length);

/* Makes the content of the file `path` the value and returns its size. */
FAASM_IMPORT("__faasm_write_state_from_file")
unsigned int __faasm_write_state_from_file(const char *key, const char *path);

/*
 * A list beside the value of the same key, in the global tier: an element is appended in one
 * piece, whoever else appends. Reading copies the first `count` elements one behind the
 * other, and zeros up to `length` bytes, which must be enough for them.
 */
FAASM_IMPORT("__faasm_append_state")
void __faasm_append_state(const char *key, const unsigned char *data, long length);
FAASM_IMPORT("__faasm_read_appended_state")
void __faasm_read_appended_state(const char *key, unsigned char *buffer, long length, long count);
FAASM_IMPORT("__faasm_clear_appended_state")
void __faasm_clear_appended_state(const char *key);

/*
 * Says that the value, or `length` bytes of it from `offset` on, was changed through a
 * mapped address. The server finds such changes by itself: programs need not say it.
 */
FAASM_IMPORT("__faasm_flag_state_dirty")
void __faasm_flag_state_dirty(const char *key, long total);
FAASM_IMPORT("__faasm_flag_state_offset_dirty")
void __faasm_flag_state_offset_dirty(const char *key, long total, long offset, long length);

/*
 * Puts what was changed here into the global tier, and returns when it is durable. The
 * masked form pushes only the bytes of the value that are not 0 in the value of `mask_key`,
 * which has the same size.
 */
FAASM_IMPORT("__faasm_push_state")
void __faasm_push_state(const char *key);
FAASM_IMPORT("__faasm_push_state_partial")
void __faasm_push_state_partial(const char *key);
FAASM_IMPORT("__faasm_push_state_partial_mask")
void __faasm_push_state_partial_mask(const char *key, const char *mask_key);

/*
 * Takes what the global tier has of the value, at least the first `length` bytes, and
 * forgets changes that were not pushed.
 */
FAASM_IMPORT("__faasm_pull_state")
void __faasm_pull_state(const char *key, long length);

/*
 * Locks of the local tier, one a key: many may hold it for reading, or one for writing. They
 * only bind those who take them. A call that ends, however it ends, lets go of its locks.
 */
FAASM_IMPORT("__faasm_lock_state_read")
void __faasm_lock_state_read(const char *key);
FAASM_IMPORT("__faasm_unlock_state_read")
void __faasm_unlock_state_read(const char *key);
FAASM_IMPORT("__faasm_lock_state_write")
void __faasm_lock_state_write(const char *key);
FAASM_IMPORT("__faasm_unlock_state_write")
void __faasm_unlock_state_write(const char *key);

/* A lock of the global tier, one a key: one holder among all servers. */
FAASM_IMPORT("__faasm_lock_state_global")
void __faasm_lock_state_global(const char *key);
FAASM_IMPORT("__faasm_unlock_state_global")
void __faasm_unlock_state_global(const char *key);

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
