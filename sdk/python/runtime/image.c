/*
 * Prepares the memory for an image: makes every object immortal.
 *
 * The calls that begin with an image are short, and pay for each page that they write to
 * (a fault and a copy, about 4 us) more than for most of what they compute. Without this,
 * using a function, a module or a string writes to it, since that counts references.
 * What is never freed needs no count. What a call drops of the image thus keeps its memory,
 * until the call ends; freeing it would write to it, too.
 */
#include "runtime.h"

#include <stdlib.h>

/* Objects whose referents are to be visited. */
struct stack {
    PyObject **items;
    size_t count, room;
    bool failed;
};

/* `object` may be NULL. */
static int reach(PyObject *object, void *argument)
{
    struct stack *stack = argument;
    if (!object || _Py_IsImmortal(object))
        return 0;
    if (stack->count == stack->room) {
        size_t room = stack->room ? stack->room * 2 : 4096;
        PyObject **items = realloc(stack->items, room * sizeof *items);
        if (!items) {
            stack->failed = true;
            return -1;
        }
        stack->items = items;
        stack->room = room;
    }
    object->ob_refcnt = _Py_IMMORTAL_REFCNT;
    stack->items[stack->count++] = object;
    return 0;
}

/* Code is not known to the collector, so it has no function that visits these. */
static void reach_code(PyCodeObject *code, struct stack *stack)
{
    PyObject *parts[] = {
        code->co_consts,          code->co_names,           code->co_exceptiontable,
        code->co_localsplusnames, code->co_localspluskinds, code->co_filename,
        code->co_name,            code->co_qualname,        code->co_linetable,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(parts); i++)
        reach(parts[i], stack);
}

/* What the static types have is no object of the collector's either. */
static int reach_type(PyTypeObject *type, struct stack *stack)
{
    PyObject *names = PyType_GetDict(type);
    reach(names, stack);
    Py_XDECREF(names);
    reach(type->tp_mro, stack);
    PyObject *subclasses = PyObject_CallMethod((PyObject *)type, "__subclasses__", "O", type);
    if (!subclasses) {
        /* All but `type` itself take no argument. */
        PyErr_Clear();
        subclasses = PyObject_CallMethod((PyObject *)type, "__subclasses__", NULL);
    }
    if (!subclasses)
        return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(subclasses) && !failed; i++)
        failed = reach_type((PyTypeObject *)PyList_GET_ITEM(subclasses, i), stack);
    Py_DECREF(subclasses);
    return failed;
}

static void reach_all(struct stack *stack)
{
    while (stack->count > 0) {
        PyObject *object = stack->items[--stack->count];
        traverseproc traverse = Py_TYPE(object)->tp_traverse;
        if (PyCode_Check(object))
            reach_code((PyCodeObject *)object, stack);
        else if (traverse && PyObject_IS_GC(object))
            traverse(object, reach, stack);
    }
}

int make_immortal(PyObject *objects)
{
    struct stack stack = {0};
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); i++)
        reach(PyList_GET_ITEM(objects, i), &stack);
    int failed = reach_type(&PyBaseObject_Type, &stack);
    reach_all(&stack);
    free(stack.items);
    if (stack.failed)
        PyErr_NoMemory();
    return failed || stack.failed ? -1 : 0;
}
