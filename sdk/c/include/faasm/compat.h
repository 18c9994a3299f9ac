/*
 * Names that older programs use. New ones want "faasm/faasm.h", which includes this.
 */
#ifndef FAASM_COMPAT_H
#define FAASM_COMPAT_H

#include <stdint.h>

#include "faasm/host_interface.h"
#include "faasm/state.h"

/* Starts a call of the same user's function `name`, with or without input. */
static inline unsigned int faasmChainFunctionInput(const char *name, const uint8_t *input,
                                                   long length)
{
    return __faasm_chain_function(name, input, length);
}

static inline unsigned int faasmChainFunction(const char *name)
{
    return __faasm_chain_function(name, 0, 0);
}

/* Starts a call of this program that finds `index` in `faasmGetCurrentIdx`. */
static inline unsigned int faasmChainThisInput(int index, const uint8_t *input, long length)
{
    return __faasm_chain_this(index, input, length);
}

static inline unsigned int faasmChainThis(int index)
{
    return __faasm_chain_this(index, 0, 0);
}

/* The index this call was chained with; 0 if it was not chained by index. */
static inline int faasmGetCurrentIdx(void)
{
    return __faasm_get_idx();
}

#ifdef __cplusplus
#define BIT_MASK_8 0xffu
#define BIT_MASK_32 0xffffffffu

/* The linkage is spelled out for those who include this inside an `extern "C"`. */
extern "C++" {
namespace faasm {

/* Marks the double `index` in a mask for `faasmPushStatePartialMask`. */
inline void maskDouble(unsigned int *mask, unsigned long index)
{
    mask[2 * index] = BIT_MASK_32;
    mask[2 * index + 1] = BIT_MASK_32;
}

/* Makes the value `size` zeros, in the global tier too. */
inline void zeroState(const char *key, size_t size)
{
    uint8_t *zeros = new uint8_t[size]();
    faasmWriteState(key, zeros, static_cast<long>(size));
    delete[] zeros;
    faasmPushState(key);
}

} // namespace faasm
}
#endif

#endif
