/* Module `_faasm`: state and its locks. See faasm_module.c. */
#include "runtime.h"

static PyObject *state_size(PyObject *self, PyObject *arguments)
{
    const char *key;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "s", &key))
        return NULL;
    return PyLong_FromLong(__faasm_read_state(key, NULL, 0));
}

static PyObject *read_state(PyObject *self, PyObject *arguments)
{
    const char *key;
    long length;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "sl", &key, &length))
        return NULL;
    PyObject *value = PyBytes_FromStringAndSize(NULL, length);
    if (value && length > 0)
        __faasm_read_state(key, (unsigned char *)PyBytes_AS_STRING(value), length);
    return value;
}

static PyObject *read_state_offset(PyObject *self, PyObject *arguments)
{
    const char *key;
    long total, offset, length;
    if (refused_in_image() ||
        !PyArg_ParseTuple(arguments, "slll", &key, &total, &offset, &length))
        return NULL;
    PyObject *value = PyBytes_FromStringAndSize(NULL, length);
    if (value && length > 0)
        __faasm_read_state_offset(key, total, offset, (unsigned char *)PyBytes_AS_STRING(value),
                                  length);
    return value;
}

/*
 * The mapping lasts until the call ends, and so longer than any object: the views need not
 * keep anything alive.
 */
static PyObject *view_of(unsigned char *address, long length)
{
    return PyMemoryView_FromMemory((char *)address, length, PyBUF_WRITE);
}

static PyObject *state_view(PyObject *self, PyObject *arguments)
{
    const char *key;
    long total;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "sl", &key, &total))
        return NULL;
    return view_of(__faasm_read_state_ptr(key, total), total);
}

static PyObject *state_view_offset(PyObject *self, PyObject *arguments)
{
    const char *key;
    long total, offset, length;
    if (refused_in_image() ||
        !PyArg_ParseTuple(arguments, "slll", &key, &total, &offset, &length))
        return NULL;
    return view_of(__faasm_read_state_offset_ptr(key, total, offset, length), length);
}

static PyObject *write_state(PyObject *self, PyObject *arguments)
{
    const char *key;
    Py_buffer data;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "ss*", &key, &data))
        return NULL;
    __faasm_write_state(key, data.buf, (long)data.len);
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *write_state_offset(PyObject *self, PyObject *arguments)
{
    const char *key;
    long total, offset;
    Py_buffer data;
    if (refused_in_image() ||
        !PyArg_ParseTuple(arguments, "slls*", &key, &total, &offset, &data))
        return NULL;
    __faasm_write_state_offset(key, total, offset, data.buf, (long)data.len);
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *write_state_from_file(PyObject *self, PyObject *arguments)
{
    const char *key, *path;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "ss", &key, &path))
        return NULL;
    return PyLong_FromUnsignedLong(__faasm_write_state_from_file(key, path));
}

static PyObject *append_state(PyObject *self, PyObject *arguments)
{
    const char *key;
    Py_buffer data;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "ss*", &key, &data))
        return NULL;
    __faasm_append_state(key, data.buf, (long)data.len);
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *read_appended_state(PyObject *self, PyObject *arguments)
{
    const char *key;
    long length, count;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "sll", &key, &length, &count))
        return NULL;
    PyObject *value = PyBytes_FromStringAndSize(NULL, length);
    if (value && length > 0)
        __faasm_read_appended_state(key, (unsigned char *)PyBytes_AS_STRING(value), length,
                                    count);
    return value;
}

static PyObject *push_state_partial_mask(PyObject *self, PyObject *arguments)
{
    const char *key, *mask;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "ss", &key, &mask))
        return NULL;
    __faasm_push_state_partial_mask(key, mask);
    Py_RETURN_NONE;
}

static PyObject *pull_state(PyObject *self, PyObject *arguments)
{
    const char *key;
    long length;
    if (refused_in_image() || !PyArg_ParseTuple(arguments, "sl", &key, &length))
        return NULL;
    __faasm_pull_state(key, length);
    Py_RETURN_NONE;
}

/* Functions of a key and nothing else. */
#define FUNCTION_OF_KEY(name)                                                  \
    static PyObject *name(PyObject *self, PyObject *arguments)                 \
    {                                                                          \
        const char *key;                                                       \
        if (refused_in_image() || !PyArg_ParseTuple(arguments, "s", &key))     \
            return NULL;                                                       \
        __faasm_##name(key);                                                   \
        Py_RETURN_NONE;                                                        \
    }

FUNCTION_OF_KEY(clear_appended_state)
FUNCTION_OF_KEY(push_state)
FUNCTION_OF_KEY(push_state_partial)
FUNCTION_OF_KEY(lock_state_read)
FUNCTION_OF_KEY(unlock_state_read)
FUNCTION_OF_KEY(lock_state_write)
FUNCTION_OF_KEY(unlock_state_write)
FUNCTION_OF_KEY(lock_state_global)
FUNCTION_OF_KEY(unlock_state_global)

#define METHOD(name) {#name, name, METH_VARARGS, NULL}

PyMethodDef faasm_state_methods[] = {
    METHOD(state_size),
    METHOD(read_state),
    METHOD(read_state_offset),
    METHOD(state_view),
    METHOD(state_view_offset),
    METHOD(write_state),
    METHOD(write_state_offset),
    METHOD(write_state_from_file),
    METHOD(append_state),
    METHOD(read_appended_state),
    METHOD(clear_appended_state),
    METHOD(push_state),
    METHOD(push_state_partial),
    METHOD(push_state_partial_mask),
    METHOD(pull_state),
    METHOD(lock_state_read),
    METHOD(unlock_state_read),
    METHOD(lock_state_write),
    METHOD(unlock_state_write),
    METHOD(lock_state_global),
    METHOD(unlock_state_global),
    {NULL, NULL, 0, NULL},
};
