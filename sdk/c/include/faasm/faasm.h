/*
 * Writing functions for faasm in C and C++.
 *
 * A function is an ordinary program: `main` runs once for every call, what it returns
 * is the call's return value (0 is success), and its standard output and standard error
 * are kept with the call. Build it with `faasm build FILE.c -o FILE.wasm`.
 *
 *     #include <faasm/faasm.h>
 *
 *     int main(void)
 *     {
 *         faasmSetOutput("hello", 5);
 *         return 0;
 *     }
 */
#ifndef FAASM_FAASM_H
#define FAASM_FAASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Any object's address as the address of its bytes. */
#define BYTES(address) ((uint8_t *)(address))

#ifdef __cplusplus
extern "C" {
#endif

/* A function of this program that can be chained. It returns 0 for success. */
typedef int (*FaasmFuncPtr)();

/* ---- Input and output -------------------------------------------------------- */

/* The size of this call's input in bytes; 0 if there is none. */
long faasmGetInputSize(void);

/*
 * Copies at most `length` bytes of this call's input to `buffer`. No NUL is added.
 * With a `length` below 1 nothing is copied.
 */
void faasmGetInput(void *buffer, long length);

/*
 * Makes `length` bytes at `output` this call's output. They are copied: the buffer may
 * be reused at once. A second call replaces the first.
 */
void faasmSetOutput(const void *output, long length);

/* ---- Calling other functions ------------------------------------------------- */

/*
 * Starts a call of this program's own `function` with `length` bytes of input, and
 * returns a handle to wait for it with.
 *
 * The callee runs in a Faaslet of its own, beside the caller. It sees the program as it
 * starts (or as its zygote left it), not what the caller has changed since: hand over
 * all it needs as input. `input` may be NULL when `length` is 0.
 */
unsigned int faasmChain(FaasmFuncPtr function, const void *input, long length);

/* The same for the function `name` of the same user. */
unsigned int faasmChainNamed(const char *name, const void *input, long length);

/*
 * Runs `count` calls of `function`, each with the text `input`, and waits for all.
 * Returns 0 if all of them returned 0, else 1.
 */
unsigned int faasmChainBatch(FaasmFuncPtr function, const char *input, int count);

/*
 * Waits for a call to end and returns its return value; -1 if it trapped, ran out of
 * time, or there is no such function. Any number of calls can wait for each other
 * without blocking the server; waiting twice gives the same answer twice.
 */
int faasmAwaitCall(unsigned int call);

/*
 * Waits as `faasmAwaitCall` does, and hands over the callee's output: `*output` points
 * to `*length` bytes, without a NUL behind them. They belong to the caller, who passes
 * `*output` to `free` (harmless when there was no output).
 */
int faasmAwaitCallOutput(unsigned int call, char **output, int *length);

/* ---- About this call --------------------------------------------------------- */

/* 1 if the deployment switched the flag `key` on, else 0. */
unsigned int faasmConfFlag(const char *key);

/* The same by its older name. */
unsigned int getConfFlag(const char *key);

/* Writes a backtrace of at most `depth` frames to the call's standard error. */
void faasmBacktrace(int depth);

/* ---- Entry points ------------------------------------------------------------ */

int _faasm_zygote(void);

/*
 * Defines what runs after the constructors and before `main`:
 *
 *     FAASM_ZYGOTE()
 *     {
 *         table = read_large_table();
 *         return 0;
 *     }
 *
 * It runs once after the upload, and every call starts from the memory that it leaves. Input,
 * state and chained calls are for calls alone. A return value other than 0 refuses the upload,
 * with what was printed; otherwise nobody sees that.
 */
#define FAASM_ZYGOTE()                                                                       \
    static int faasm_zygote(void);                                                           \
    int _faasm_zygote(void)                                                                  \
    {                                                                                        \
        int status = faasm_zygote();                                                         \
        fflush(NULL); /* or every call would print what is buffered */                       \
        return status;                                                                       \
    }                                                                                        \
    static int faasm_zygote(void)

/* Defines `main`; for programs that are also built for other platforms. */
#define FAASM_MAIN() int main(void)
#define FAASM_MAIN_FUNC() FAASM_MAIN()

#ifdef __cplusplus
}
#endif

#include "faasm/state.h"

#include "faasm/compat.h"

#endif
