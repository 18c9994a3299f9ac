/*
 * One call: what every call does is done here and not in Python, and touches little, since
 * each page of memory that it writes to is copied from the image first.
 */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

/*
 * Of CPython's `_random`, by our patch: counts the copies of the memory image, since each
 * begins with the same generators.
 */
extern unsigned faasm_random_epoch;

typedef __wasi_errno_t sizes_function(__wasi_size_t *, __wasi_size_t *);
typedef __wasi_errno_t texts_function(uint8_t **, uint8_t *);

/* The call's environment or arguments as a list of bytes; NULL with an error set. */
static PyObject *read_texts(sizes_function *sizes, texts_function *read)
{
    __wasi_size_t count = 0, size = 0;
    if (sizes(&count, &size) != 0 || count == 0)
        return PyList_New(0);
    /* The texts lie behind the pointers to them. */
    uint8_t **texts = malloc(count * sizeof *texts + size);
    if (!texts)
        return PyErr_NoMemory();
    if (read(texts, (uint8_t *)(texts + count)) != 0)
        count = 0;
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list && i < count; i++) {
        PyObject *text = PyBytes_FromString((const char *)texts[i]);
        if (text)
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
        else
            Py_CLEAR(list);
    }
    free(texts);
    return list;
}

PyObject *call_environment(PyObject *self, PyObject *none)
{
    return read_texts(__wasi_environ_sizes_get, __wasi_environ_get);
}

/* Sets sys.argv, unless it is what it was when the image was made, as it mostly is. */
static int set_arguments(void)
{
    static uint8_t known[256];
    static __wasi_size_t known_size;
    __wasi_size_t count = 0, size = 0;
    uint8_t *starts[16], texts[sizeof known];
    bool small = __wasi_args_sizes_get(&count, &size) == 0 && count <= Py_ARRAY_LENGTH(starts) &&
                 size <= sizeof texts && __wasi_args_get(starts, texts) == 0;
    if (small && size == known_size && memcmp(texts, known, size) == 0)
        return 0;
    if (small && preparing_image)
        memcpy(known, texts, known_size = size);
    PyObject *arguments = read_texts(__wasi_args_sizes_get, __wasi_args_get);
    PyObject *done = arguments ? boot_call("set_arguments", arguments) : NULL;
    Py_XDECREF(arguments);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int call_begin(void)
{
    /* What is made anew when it is next used: os.environ, generators seeded by the system. */
    faasm_random_epoch++;
    return set_arguments();
}

PyObject *call_epoch(PyObject *self, PyObject *none)
{
    return PyLong_FromUnsignedLong(faasm_random_epoch);
}

PyObject *call_input(void)
{
    long length = __faasm_read_input(NULL, 0);
    PyObject *input = PyBytes_FromStringAndSize(NULL, length);
    if (input && length > 0)
        __faasm_read_input((unsigned char *)PyBytes_AS_STRING(input), length);
    return input;
}

/* Whether the entry is to be called with the input: 1, 0, or -1 with an error that says why not. */
static int takes_input(PyObject *entry)
{
    if (PyFunction_Check(entry)) {
        PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(entry);
        PyObject *defaults = PyFunction_GET_DEFAULTS(entry);
        Py_ssize_t required = code->co_argcount - (defaults ? PyTuple_GET_SIZE(defaults) : 0);
        /* Keyword-only arguments may have defaults or not: that is for the slow way. */
        if (required <= 1 && code->co_kwonlyargcount == 0)
            return required == 1 || (code->co_flags & CO_VARARGS) != 0;
    }
    PyObject *answer = boot_call("takes_input", entry);
    if (!answer)
        return -1;
    int takes = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return takes;
}

/* Calls the entry, and runs the coroutine if that is what it makes. NULL with an error set. */
static PyObject *run_entry(PyObject *entry, int with_input)
{
    PyObject *result = NULL;
    if (with_input) {
        PyObject *input = call_input();
        if (input)
            result = PyObject_CallOneArg(entry, input);
        Py_XDECREF(input);
    } else {
        result = PyObject_CallNoArgs(entry);
    }
    if (result && PyCoro_CheckExact(result)) {
        PyObject *coroutine = result;
        result = boot_call("run_coroutine", coroutine);
        Py_DECREF(coroutine);
    }
    return result;
}

static int write_output(PyObject *buffer_of)
{
    Py_buffer buffer;
    if (PyObject_GetBuffer(buffer_of, &buffer, PyBUF_SIMPLE) < 0)
        return report_exception(false);
    __faasm_write_output(buffer.buf, (long)buffer.len);
    PyBuffer_Release(&buffer);
    return 0;
}

static int refuse_result(const char *message)
{
    PySys_FormatStderr("%s\n", message);
    return report_failure(FAILURE_RESULT, message);
}

/* What the function returned, as the call's status and perhaps its output. */
static int hand_on(PyObject *result)
{
    if (result == Py_None)
        return 0;
    if (PyLong_Check(result)) {
        int status = PyLong_AsInt(result);
        if (status != -1 || !PyErr_Occurred())
            return status;
        PyErr_Clear();
        return refuse_result("the function returned an int that is no status: a status has 32 "
                             "bits, from -2147483648 to 2147483647");
    }
    if (PyUnicode_Check(result)) {
        Py_ssize_t length;
        const char *text = PyUnicode_AsUTF8AndSize(result, &length);
        if (!text)
            return report_exception(false);
        __faasm_write_output((const unsigned char *)text, (long)length);
        return 0;
    }
    if (PyBytes_Check(result) || PyByteArray_Check(result) || PyMemoryView_Check(result))
        return write_output(result);
    const char *type = Py_TYPE(result)->tp_name;
    char message[200];
    PyOS_snprintf(message, sizeof message,
                  "the function returned %s %.100s: it returns an int, None, bytes or str",
                  strchr("aeiouAEIOU", type[0]) ? "an" : "a", type);
    return refuse_result(message);
}

/* What an interpreter does at its end, as far as it concerns a function. */
static int finish(int status)
{
    static PyObject *callable;
    if (!callable)
        callable = boot_function("finish");
    PyObject *done = callable ? PyObject_CallNoArgs(callable) : NULL;
    if (!done)
        return report_exception(false);
    Py_DECREF(done);
    return status;
}

static PyObject *find_entry(PyObject *module, const char *name)
{
    /* Made before the image is: making it in the call would write to more pages. */
    static PyObject *usual;
    if (!usual)
        usual = PyUnicode_InternFromString("faasm_main");
    if (usual && strcmp(name, "faasm_main") == 0)
        return PyObject_GetAttr(module, usual);
    return PyObject_GetAttrString(module, name);
}

/*
 * What a call reads and writes over and over is then where it will look for it: in the
 * method cache, in pools that have room, in code that has adapted to what it does.
 */
int call_rehearse(PyObject *entry)
{
    for (int i = 0; i < 32; i++) {
        Py_XDECREF(find_entry(entry, "faasm_main"));
        PyErr_Clear();
        if (call_begin() < 0)
            return -1;
        PyObject *result = takes_input(entry) == 0 ? run_entry(entry, 0) : NULL;
        Py_XDECREF(result);
        if (!result || finish(0) != 0)
            return -1;
    }
    return 0;
}

/* Reports that the entry cannot be called, for the reason that the error set gives. */
static int report_entry(void)
{
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *text = PyObject_Str(exception);
    const char *message = text ? PyUnicode_AsUTF8(text) : NULL;
    PyErr_Clear();
    int status = report_failure(FAILURE_ENTRY, message ? message : "the entry cannot be called");
    Py_XDECREF(text);
    Py_DECREF(exception);
    return status;
}

int call_entry(PyObject *module)
{
    unsigned char name[NAME_SIZE] = {0};
    __faasm_get_py_entry(name, sizeof name);
    PyObject *entry = find_entry(module, (const char *)name);
    if (!entry || !PyCallable_Check(entry)) {
        char message[NAME_SIZE + 100];
        PyErr_Clear();
        PyOS_snprintf(message, sizeof message, "the file defines no function '%s'", name);
        Py_XDECREF(entry);
        return report_failure(FAILURE_ENTRY, message);
    }
    int with_input = takes_input(entry);
    if (with_input < 0) {
        Py_DECREF(entry);
        return report_entry();
    }
    PyObject *result = run_entry(entry, with_input);
    Py_DECREF(entry);
    int status = result ? hand_on(result) : report_exception(false);
    Py_XDECREF(result);
    return finish(status);
}
