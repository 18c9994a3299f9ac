/* The functions of "faasm/faasm.h", over the imports of "faasm/host_interface.h". */
#include "faasm/faasm.h"

#include <stdlib.h>
#include <string.h>

#include "faasm/host_interface.h"

long faasmGetInputSize(void)
{
    /* A length of 0 asks for the size; the buffer is not written to. */
    unsigned char unused;
    return __faasm_read_input(&unused, 0);
}

void faasmGetInput(void *buffer, long length)
{
    if (length > 0) {
        __faasm_read_input(buffer, length);
    }
}

void faasmSetOutput(const void *output, long length)
{
    __faasm_write_output(output, length);
}

unsigned int faasmChain(FaasmFuncPtr function, const void *input, long length)
{
    return __faasm_chain_ptr(function, input, length);
}

unsigned int faasmChainNamed(const char *name, const void *input, long length)
{
    return __faasm_chain_name(name, input, length);
}

unsigned int faasmChainBatch(FaasmFuncPtr function, const char *input, int count)
{
    if (count <= 0) {
        return 0;
    }
    unsigned int *calls = calloc((size_t)count, sizeof *calls);
    if (calls == NULL) {
        return 1;
    }
    long length = (long)strlen(input);
    for (int i = 0; i < count; i++) {
        calls[i] = faasmChain(function, input, length);
    }
    /* Each is waited for, also after a failure: none may outlive this function. */
    unsigned int failed = 0;
    for (int i = 0; i < count; i++) {
        if (faasmAwaitCall(calls[i]) != 0) {
            failed = 1;
        }
    }
    free(calls);
    return failed;
}

int faasmAwaitCall(unsigned int call)
{
    return __faasm_await_call(call);
}

int faasmAwaitCallOutput(unsigned int call, char **output, int *length)
{
    *output = NULL;
    *length = 0;
    return __faasm_await_call_output(call, output, length);
}

unsigned int faasmConfFlag(const char *key)
{
    return __faasm_conf_flag(key);
}

unsigned int getConfFlag(const char *key)
{
    return __faasm_conf_flag(key);
}

void faasmBacktrace(int depth)
{
    __faasm_backtrace(depth);
}
