/* What the files of the runtime share. See embed.c for how they work together. */
#ifndef FAASM_PYTHON_RUNTIME_H
#define FAASM_PYTHON_RUNTIME_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

#include "host.h"

/* Names of users, files and entries have at most 128 bytes. */
enum { NAME_SIZE = 129 };

/*
 * Whether a memory image is being prepared: the server offers no calls, state and locks
 * then, and ends the load if one is used.
 */
extern bool preparing_image;

/* Module `_faasm`: the host interface as it is. */
PyObject *PyInit__faasm(void);
extern PyMethodDef faasm_state_methods[];

/* True, with RuntimeError set, while an image is prepared. */
bool refused_in_image(void);

/* Gives this call what is its own: environment, arguments, randomness. -1 with an error set. */
int call_begin(void);

/* The call's input as bytes; NULL with an error set. */
PyObject *call_input(void);

/* Functions of `_faasm` for that: the environment as bytes, and how often a call began. */
PyObject *call_environment(PyObject *self, PyObject *none);
PyObject *call_epoch(PyObject *self, PyObject *none);

/* Does some calls of `entry`, which needs nothing, before the image is made. -1 if they fail. */
int call_rehearse(PyObject *entry);

/* Runs the entry point of `module` and hands on its result. The call's status. */
int call_entry(PyObject *module);

/*
 * Tells the server and stderr about the exception that is set, and clears it. The status
 * that the call ends with.
 */
int report_exception(bool while_loading);

/* As the above, for what is no exception of the function's. The status 1. */
int report_failure(enum failure_kind kind, const char *message);

/* See image.c. For all objects of the list and what they refer to; -1 with an error set. */
int make_immortal(PyObject *objects);

/* Function `name` of the boot module; NULL with an error set. */
PyObject *boot_function(const char *name);

/* Calls `name` of the boot module; NULL with an error set. */
PyObject *boot_call(const char *name, PyObject *argument);

#endif
