/*
 * Text in, text out, for C++ functions.
 */
#ifndef FAASM_INPUT_H
#define FAASM_INPUT_H

#ifndef __cplusplus
#error "faasm/input.h is for C++; C programs use faasmGetInput and faasmSetOutput"
#endif

#include <cstdlib>
#include <cstring>

#include "faasm/faasm.h"

namespace faasm {

/*
 * The call's input, NUL-terminated, or `fallback` when there is none. The memory lives
 * as long as the call.
 */
inline const char *getStringInput(const char *fallback)
{
    long size = faasmGetInputSize();
    if (size <= 0) {
        return fallback;
    }
    char *text = new char[static_cast<size_t>(size) + 1];
    faasmGetInput(text, size);
    text[size] = '\0';
    return text;
}

/* The call's input as a decimal number; 0 when it is none. */
inline int getIntInput()
{
    return static_cast<int>(std::strtol(getStringInput("0"), nullptr, 10));
}

/* Makes the text, without its NUL, the call's output. */
inline void setStringOutput(const char *text)
{
    faasmSetOutput(text, static_cast<long>(std::strlen(text)));
}

} // namespace faasm

#endif
