/* What the server offers to this runtime, beyond what it offers to all functions. */
#ifndef FAASM_PYTHON_HOST_H
#define FAASM_PYTHON_HOST_H

#include "faasm/host_interface.h"

/* Why loading or running fails, for __faasm_py_fail. */
enum failure_kind {
    FAILURE_EXCEPTION = 1,
    FAILURE_SYNTAX = 2,
    FAILURE_EXIT = 3,
    FAILURE_ENTRY = 4,
    FAILURE_MEMORY = 5,
    FAILURE_RESULT = 6,
};

/*
 * Says why the load or run under way fails; the last one counts, and only if the status is
 * not 0. Line and column count from 1 and are those of a syntax error, else 0. The message
 * is UTF-8.
 */
FAASM_IMPORT("__faasm_py_fail")
void __faasm_py_fail(unsigned kind, unsigned line, unsigned column, const char *message,
                     long length);

#endif
