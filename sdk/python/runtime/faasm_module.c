/*
 * Module `_faasm`: input and output, other functions, and what the call is. The functions
 * are the host interface as it is; pyfaasm/core.py is what programs use. What the server
 * would end the call for (an unknown handle, say) is checked there, once for this module
 * and for the emulation.
 */
#include "runtime.h"

#include <stdlib.h>

bool refused_in_image(void)
{
    if (!preparing_image)
        return false;
    PyErr_SetString(PyExc_RuntimeError,
                    "functions may not use input, output, calls, state and locks while they are "
                    "imported, which happens once, at upload: do it in faasm_main, or put "
                    "\"# faasm: no-snapshot\" in the first lines of the file");
    return true;
}

static PyObject *input_size(PyObject *self, PyObject *none)
{
    return refused_in_image() ? NULL : PyLong_FromLong(__faasm_read_input(NULL, 0));
}

static PyObject *get_input(PyObject *self, PyObject *none)
{
    return refused_in_image() ? NULL : call_input();
}

static PyObject *set_output(PyObject *self, PyObject *arguments)
{
    Py_buffer output;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "s*", &output))
        return NULL;
    __faasm_write_output(output.buf, (long)output.len);
    PyBuffer_Release(&output);
    Py_RETURN_NONE;
}

typedef unsigned chain_function(const char *, const unsigned char *, long);

static PyObject *chain(PyObject *arguments, chain_function *function)
{
    const char *name;
    Py_buffer input;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "ss*", &name, &input))
        return NULL;
    unsigned call = function(name, input.buf, (long)input.len);
    PyBuffer_Release(&input);
    return PyLong_FromUnsignedLong(call);
}

static PyObject *chain_name(PyObject *self, PyObject *arguments)
{
    return chain(arguments, __faasm_chain_name);
}

static PyObject *chain_py(PyObject *self, PyObject *arguments)
{
    return chain(arguments, __faasm_chain_py);
}

static PyObject *await_call(PyObject *self, PyObject *arguments)
{
    unsigned call;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "I", &call))
        return NULL;
    return PyLong_FromLong(__faasm_await_call(call));
}

static PyObject *await_call_output(PyObject *self, PyObject *arguments)
{
    unsigned call;
    char *output = NULL;
    int length = 0;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "I", &call))
        return NULL;
    int status = __faasm_await_call_output(call, &output, &length);
    PyObject *result = Py_BuildValue("(iy#)", status, output ? output : "",
                                     (Py_ssize_t)(output ? length : 0));
    free(output);
    return result;
}

/* Functions that give a name. */
#define FUNCTION_OF_NAME(function)                                      \
    static PyObject *function(PyObject *self, PyObject *none)           \
    {                                                                   \
        unsigned char name[NAME_SIZE] = {0};                            \
        __faasm_get_##function(name, sizeof name);                      \
        return PyUnicode_FromString((const char *)name);                \
    }

FUNCTION_OF_NAME(py_user)
FUNCTION_OF_NAME(py_func)
FUNCTION_OF_NAME(py_entry)

static PyObject *conf_flag(PyObject *self, PyObject *arguments)
{
    const char *key;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "s", &key))
        return NULL;
    return PyBool_FromLong((long)__faasm_conf_flag(key));
}

static PyMethodDef call_methods[] = {
    {"input_size", input_size, METH_NOARGS, NULL},
    {"get_input", get_input, METH_NOARGS, NULL},
    {"set_output", set_output, METH_VARARGS, NULL},
    {"chain_name", chain_name, METH_VARARGS, NULL},
    {"chain_py", chain_py, METH_VARARGS, NULL},
    {"await_call", await_call, METH_VARARGS, NULL},
    {"await_call_output", await_call_output, METH_VARARGS, NULL},
    {"py_user", py_user, METH_NOARGS, NULL},
    {"py_func", py_func, METH_NOARGS, NULL},
    {"py_entry", py_entry, METH_NOARGS, NULL},
    {"environment", call_environment, METH_NOARGS, NULL},
    {"epoch", call_epoch, METH_NOARGS, NULL},
    {"conf_flag", conf_flag, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_faasm",
    .m_size = -1,
    .m_methods = call_methods,
};

PyObject *PyInit__faasm(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddFunctions(module, faasm_state_methods) < 0)
        Py_CLEAR(module);
    return module;
}
