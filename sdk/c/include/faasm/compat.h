/*
 * Names that older programs use. New ones want "faasm/faasm.h", which includes this.
 */
#ifndef FAASM_COMPAT_H
#define FAASM_COMPAT_H

#include <stdint.h>

#include "faasm/host_interface.h"

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

#endif
