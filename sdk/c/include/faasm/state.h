/*
 * State: values of bytes under keys, which all functions of a user share.
 *
 * A value is either copied (`faasmReadState`, `faasmWriteState`) or mapped
 * (`faasmReadStatePtr`): a mapped value *is* memory of the function, and of every other
 * function on the same server that maps it. What one stores, the others see at once.
 *
 *     long *counter = (long *)faasmReadStatePtr("counter", sizeof *counter);
 *     faasmLockStateWrite("counter");
 *     *counter += 1;
 *     faasmUnlockStateWrite("counter");
 *
 * Behind that is the durable global tier. What a call changed is there before the call's
 * success is reported; `faasmPushState` puts it there earlier. What a failed call changed
 * stays where it is, unpushed.
 *
 * - A key is 1 to 512 bytes of text, without `/` and control characters.
 * - Lengths, offsets and totals are in bytes, and a value has at most 2 GiB - 1. What is
 *   negative or outside of the value ends the call with an error.
 * - A key that was never written has size 0 and reads as zeros.
 * - `total` is the size the caller takes the value to have. A larger one extends the value
 *   with zeros; a smaller one stands for the beginning of it.
 * - Nothing is locked unless it is locked by name. Loads and stores of up to 8 aligned
 *   bytes are never torn, but `counter++`, and `std::atomic` too, loses updates of other
 *   calls: a function's memory is not shared as far as the compiler knows. Take a lock.
 *
 * "faasm/state.hpp" has the same for C++, with types.
 */
#ifndef FAASM_STATE_H
#define FAASM_STATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Copies ------------------------------------------------------------------ */

/* The size of the value; 0 if there is none. */
size_t faasmReadStateSize(const char *key);

/*
 * Copies `length` bytes from the beginning of the value to `buffer`; where the value is
 * shorter, zeros. Returns the size of the value: with `buffer` NULL or `length` 0, that is
 * all it does.
 */
long faasmReadState(const char *key, void *buffer, long length);

/* Copies `length` bytes of the value from `offset` on to `buffer`. */
void faasmReadStateOffset(const char *key, long total, long offset, void *buffer, long length);

/*
 * Makes `length` bytes at `data` the value. With the size it had, who has it mapped sees
 * the new bytes; with another size, it replaces the value, and calls that have the old one
 * mapped keep that until they end. So does a value that is set over HTTP, of any size.
 */
void faasmWriteState(const char *key, const void *data, long length);

/* Copies `length` bytes at `data` into the value from `offset` on. */
void faasmWriteStateOffset(const char *key, long total, long offset, const void *data,
                           long length);

/* Makes the content of a file the value, and returns its size. */
unsigned long faasmWriteStateFromFile(const char *key, const char *path);

/* ---- Mapped values ----------------------------------------------------------- */

/*
 * The address of the value in this function's memory, where `total` bytes can be read and
 * written. It stays until the call ends; asking again gives the same address, or another
 * if the value was replaced. The bytes are fetched as they are touched. A `total` of 0 ends
 * the call: there is nothing to map.
 */
uint8_t *faasmReadStatePtr(const char *key, long total);

/*
 * The same for `length` bytes from `offset` on; the rest of the value is neither mapped nor
 * fetched.
 */
uint8_t *faasmReadStateOffsetPtr(const char *key, long total, long offset, long length);

/*
 * Say that the value, or a range of it, was changed through its address. The server sees
 * that by itself; these are for programs that say it anyway.
 */
void faasmFlagStateDirty(const char *key, long total);
void faasmFlagStateOffsetDirty(const char *key, long total, long offset, long length);

/* ---- The global tier --------------------------------------------------------- */

/*
 * Puts what was changed of the value into the global tier: when it returns, that survives
 * the server, and other servers can pull it. A call's own end does the same.
 */
void faasmPushState(const char *key);

/* The same: only what was changed is ever pushed. */
void faasmPushStatePartial(const char *key);

/*
 * Pushes only the bytes that are not 0 in the value of `mask_key`, which is as long as
 * this value.
 */
void faasmPushStatePartialMask(const char *key, const char *mask_key);

/*
 * Takes what the global tier has of the value, at least the first `length` bytes, and
 * forgets changes that were not pushed, whoever made them. A mapped value changes with it,
 * unless it was replaced: then ask for the address again.
 */
void faasmPullState(const char *key, long length);

/* ---- Lists ------------------------------------------------------------------- */

/*
 * Appends `length` bytes as one element to the list `key`, which is apart from the value
 * of that key. Elements of callers that append at the same time are never mixed.
 */
void faasmAppendState(const char *key, const void *data, long length);

/*
 * Copies the first `count` elements of the list to `buffer`, oldest first and one behind
 * the other, and zeros behind the last. Elements for which the `length` bytes of the buffer
 * are too few end the call.
 */
void faasmReadAppendedState(const char *key, void *buffer, long length, long count);

/* Removes all elements of the list. */
void faasmClearAppendedState(const char *key);

/* ---- Locks ------------------------------------------------------------------- */

/*
 * Among the functions on one server, any number may hold the read lock of a key, or one
 * its write lock. Who comes first is served first. A lock keeps out only others who lock,
 * and there need be no value under its key. The end of a call releases its locks.
 *
 * Calls that wait for each other would wait for ever: one of them is ended with an error
 * that names them all. So is a call that asks for a write lock on top of a lock of its own.
 */
void faasmLockStateRead(const char *key);
void faasmUnlockStateRead(const char *key);
void faasmLockStateWrite(const char *key);
void faasmUnlockStateWrite(const char *key);

/*
 * A lock that all servers share. Between taking it and letting it go, pull the value and
 * push it again, or the others never see the change.
 */
void faasmLockStateGlobal(const char *key);
void faasmUnlockStateGlobal(const char *key);

#ifdef __cplusplus
}
#endif

#endif
