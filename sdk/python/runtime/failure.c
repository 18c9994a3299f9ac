/* Tells the server why a load or a call fails. The words are found in _faasm_boot.py. */
#include "runtime.h"

#include <string.h>

int report_failure(enum failure_kind kind, const char *message)
{
    __faasm_py_fail(kind, 0, 0, message, (long)strlen(message));
    return 1;
}

/* Last resort: describing the exception failed, most likely for lack of memory. */
static int report_plainly(PyObject *exception)
{
    PyErr_Clear();
    if (PyErr_GivenExceptionMatches(exception, PyExc_MemoryError))
        return report_failure(FAILURE_MEMORY, "MemoryError");
    return report_failure(FAILURE_EXCEPTION, Py_TYPE(exception)->tp_name);
}

int report_exception(bool while_loading)
{
    PyObject *exception = PyErr_GetRaisedException();
    PyObject *arguments = Py_BuildValue("(Oi)", exception, while_loading);
    PyObject *report = arguments ? boot_call("report", arguments) : NULL;
    Py_XDECREF(arguments);
    int status = 0;
    unsigned kind = 0, line = 0, column = 0;
    const char *message = NULL;
    Py_ssize_t length = 0;
    if (!report ||
        !PyArg_ParseTuple(report, "iIIIy#", &status, &kind, &line, &column, &message, &length)) {
        status = report_plainly(exception);
    } else if (kind != 0) {
        __faasm_py_fail(kind, line, column, message, (long)length);
    }
    Py_XDECREF(report);
    Py_DECREF(exception);
    return status;
}
