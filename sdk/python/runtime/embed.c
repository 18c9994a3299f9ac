/*
 * CPython as a Faaslet. The server calls, in this order:
 *
 *   _faasm_zygote         once for the runtime: initialises CPython and imports what
 *                         functions commonly use. The memory is then imaged;
 *   faasm_python_load     once for an uploaded file, on a copy of that image: imports the
 *                         file. The memory is imaged again;
 *   faasm_python_check    instead of that for a file that is to be imported by every call:
 *                         compiles it;
 *   faasm_python_run      for a call, on a copy of the file's image.
 *
 * A call must therefore find nothing in the memory that should be its own: see call.c.
 * What is easier said in Python, and not needed in every call, is in _faasm_boot.py.
 */
#include "runtime.h"

#include <stdlib.h>

bool preparing_image = true;

static PyObject *boot;     /* Module _faasm_boot. */
static PyObject *function; /* The user's module. */

PyObject *boot_function(const char *name)
{
    return PyObject_GetAttrString(boot, name);
}

PyObject *boot_call(const char *name, PyObject *argument)
{
    PyObject *callable = boot_function(name);
    if (!callable)
        return NULL;
    PyObject *result = argument ? PyObject_CallOneArg(callable, argument)
                                : PyObject_CallNoArgs(callable);
    Py_DECREF(callable);
    return result;
}

/*
 * Room that a call can take before it has to grow the memory: a Faaslet whose memory has grown is
 * not used for another call.
 */
#define SLACK (4 << 20)

/* Makes the memory fit for an image. -1 with an error set. */
static int settle(void)
{
    /* The allocator keeps what it has once got. */
    void *volatile slack = malloc(SLACK);
    free(slack);
    PyObject *objects = boot_call("collect", NULL);
    if (!objects)
        return -1;
    int failed = make_immortal(objects);
    Py_DECREF(objects);
    PyObject *done = failed ? NULL : boot_call("freeze", NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyStatus configure(PyConfig *config)
{
    /* Whatever the server's environment is: it must not reach the interpreter. */
    PyConfig_InitIsolatedConfig(config);
    config->site_import = 0;
    config->write_bytecode = 0;
    config->install_signal_handlers = 0;
    config->pathconfig_warnings = 0;
    config->parse_argv = 0;
    config->module_search_paths_set = 1;
    static const wchar_t *const paths[] = {L"/function", L"/usr/lib/python" FAASM_PYTHON_SERIES};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(paths); i++) {
        PyStatus status = PyWideStringList_Append(&config->module_search_paths, paths[i]);
        if (PyStatus_Exception(status))
            return status;
    }
    PyStatus status = PyConfig_SetString(config, &config->home, L"/usr");
    if (PyStatus_Exception(status))
        return status;
    return Py_InitializeFromConfig(config);
}

static int initialise(void)
{
    if (PyImport_AppendInittab("_faasm", PyInit__faasm) < 0)
        return -1;
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&preconfig);
    if (!PyStatus_Exception(status)) {
        PyConfig config;
        status = configure(&config);
        PyConfig_Clear(&config);
    }
    if (PyStatus_Exception(status)) {
        fprintf(stderr, "python: %s: %s\n", status.func ? status.func : "initialisation",
                status.err_msg ? status.err_msg : "failed");
        return -1;
    }
    return 0;
}

__attribute__((export_name("_faasm_zygote"))) int zygote(void)
{
    if (initialise() < 0)
        return 1;
    boot = PyImport_ImportModule("_faasm_boot");
    PyObject *entry = boot ? boot_call("prepare", NULL) : NULL;
    if (!entry || call_rehearse(entry) < 0 || settle() < 0) {
        PyErr_Print();
        return 1;
    }
    return 0;
}

/* Calls `what` of the boot module with the function's name; NULL with an error set. */
static PyObject *with_name(const char *what)
{
    unsigned char name[NAME_SIZE] = {0};
    __faasm_get_py_func(name, sizeof name);
    PyObject *argument = PyUnicode_FromString((const char *)name);
    PyObject *result = argument ? boot_call(what, argument) : NULL;
    Py_XDECREF(argument);
    return result;
}

/* Imports the user's file. The status: 0, or what the exception says. */
static int load(void)
{
    function = with_name(preparing_image ? "load_uploaded" : "load");
    return function ? 0 : report_exception(true);
}

__attribute__((export_name("faasm_python_load"))) int faasm_python_load(void)
{
    preparing_image = true;
    int status = call_begin() < 0 ? report_exception(true) : load();
    /* It may have ended with sys.exit(0): there is nothing to call then. */
    if (status == 0 && !function)
        status = report_failure(FAILURE_EXIT, "");
    if (status == 0 && settle() < 0)
        status = report_exception(true);
    /* Said now, a call need not write it. */
    preparing_image = false;
    return status;
}

__attribute__((export_name("faasm_python_check"))) int faasm_python_check(void)
{
    preparing_image = true;
    PyObject *checked = call_begin() < 0 ? NULL : with_name("check");
    if (!checked)
        return report_exception(true);
    Py_DECREF(checked);
    return 0;
}

__attribute__((export_name("faasm_python_run"))) int faasm_python_run(void)
{
    if (preparing_image)
        preparing_image = false;
    if (call_begin() < 0)
        return report_exception(false);
    int status = function ? 0 : load();
    /* A file that ends its own import well has said all that it has to say. */
    return status != 0 || !function ? status : call_entry(function);
}
