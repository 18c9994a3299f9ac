/* The functions of "faasm/state.h", over the imports of "faasm/host_interface.h". */
#include "faasm/state.h"

#include <stddef.h>

#include "faasm/host_interface.h"

size_t faasmReadStateSize(const char *key)
{
    return (size_t)__faasm_read_state(key, NULL, 0);
}

long faasmReadState(const char *key, void *buffer, long length)
{
    return __faasm_read_state(key, buffer, length);
}

void faasmReadStateOffset(const char *key, long total, long offset, void *buffer, long length)
{
    __faasm_read_state_offset(key, total, offset, buffer, length);
}

void faasmWriteState(const char *key, const void *data, long length)
{
    __faasm_write_state(key, data, length);
}

void faasmWriteStateOffset(const char *key, long total, long offset, const void *data,
                           long length)
{
    __faasm_write_state_offset(key, total, offset, data, length);
}

unsigned long faasmWriteStateFromFile(const char *key, const char *path)
{
    return __faasm_write_state_from_file(key, path);
}

uint8_t *faasmReadStatePtr(const char *key, long total)
{
    return __faasm_read_state_ptr(key, total);
}

uint8_t *faasmReadStateOffsetPtr(const char *key, long total, long offset, long length)
{
    return __faasm_read_state_offset_ptr(key, total, offset, length);
}

void faasmFlagStateDirty(const char *key, long total)
{
    __faasm_flag_state_dirty(key, total);
}

void faasmFlagStateOffsetDirty(const char *key, long total, long offset, long length)
{
    __faasm_flag_state_offset_dirty(key, total, offset, length);
}

void faasmPushState(const char *key)
{
    __faasm_push_state(key);
}

void faasmPushStatePartial(const char *key)
{
    __faasm_push_state_partial(key);
}

void faasmPushStatePartialMask(const char *key, const char *mask_key)
{
    __faasm_push_state_partial_mask(key, mask_key);
}

void faasmPullState(const char *key, long length)
{
    __faasm_pull_state(key, length);
}

void faasmAppendState(const char *key, const void *data, long length)
{
    __faasm_append_state(key, data, length);
}

void faasmReadAppendedState(const char *key, void *buffer, long length, long count)
{
    __faasm_read_appended_state(key, buffer, length, count);
}

void faasmClearAppendedState(const char *key)
{
    __faasm_clear_appended_state(key);
}

void faasmLockStateRead(const char *key)
{
    __faasm_lock_state_read(key);
}

void faasmUnlockStateRead(const char *key)
{
    __faasm_unlock_state_read(key);
}

void faasmLockStateWrite(const char *key)
{
    __faasm_lock_state_write(key);
}

void faasmUnlockStateWrite(const char *key)
{
    __faasm_unlock_state_write(key);
}

void faasmLockStateGlobal(const char *key)
{
    __faasm_lock_state_global(key);
}

void faasmUnlockStateGlobal(const char *key)
{
    __faasm_unlock_state_global(key);
}
