"""What embed.c and call.c leave to Python: preparing the memory image, loading a function's
file, and finding words for what went wrong."""

import _colorize
import atexit
import gc
import keyword
import os
import random
import sys

import _faasm
import _faasm_limits
from pyfaasm._contract import run_coroutine, takes_input  # noqa: F401 (for call.c)

# What functions commonly import: in the image it costs a call nothing.
PRELOADED = """
    abc argparse array ast asyncio base64 binascii bisect calendar cmath codecs collections
    collections.abc colorsys configparser contextlib contextvars copy csv dataclasses datetime
    decimal difflib email.message enum errno fnmatch fractions functools glob graphlib gzip
    hashlib heapq hmac html inspect io ipaddress itertools json linecache locale logging math
    numbers operator os pathlib pickle pprint queue random re reprlib secrets shlex shutil
    signal statistics string struct subprocess tempfile textwrap threading time timeit
    traceback types typing unicodedata urllib.parse uuid warnings weakref zipfile zlib zoneinfo
    pyfaasm pyfaasm.core
"""

# Kinds of failure: `enum failure_kind` in host.h.
EXCEPTION, SYNTAX, EXIT, ENTRY, MEMORY = 1, 2, 3, 4, 5

LIBRARY = f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/"
FUNCTION = "/function/"

_handlers: list = []
_exit_callbacks = 0

def prepare():
    """Imports what functions commonly use, and sets up what they find different here.

    Returns a function to rehearse calls with.
    """
    for name in PRELOADED.split():
        __import__(name)
    import site

    # `exit()` and `quit()`, which scripts use, without the rest of site.
    site.setquit()
    _faasm_limits.install()
    global _handlers, _exit_callbacks
    _handlers = sys.modules["logging"]._handlerList
    _exit_callbacks = atexit._ncallbacks()
    type(os.environ)._data = property(_environment)
    # The server's streams pass for terminals, but what is written to them is kept as text.
    _colorize.can_colorize = lambda **_: False
    # There was no such folder until now.
    sys.path_importer_cache.pop(FUNCTION.rstrip("/"), None)
    return lambda: None


def collect() -> list:
    """What is alive before an image is taken."""
    flush()
    gc.collect()
    return gc.get_objects()


def freeze() -> None:
    """What is in the image is never looked at by the collector."""
    gc.freeze()


_variables: dict = {}
_variables_epoch = 0


def _environment(environ) -> dict:
    """The dictionary behind os.environ: made when a call first uses it."""
    global _variables, _variables_epoch
    if _variables_epoch != _faasm.epoch():
        _variables_epoch = _faasm.epoch()
        _variables = dict(text.split(b"=", 1) for text in _faasm.environment() if b"=" in text)
    return _variables


def set_arguments(arguments: list[bytes]) -> None:
    """Sets sys.argv."""
    sys.argv = [os.fsdecode(argument) for argument in arguments]


def load(name: str):
    """Imports the file of the function called `name` and returns its module."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = FUNCTION + "function.py"
    if not os.path.exists(path):
        path = f"{FUNCTION}{name}.py"
    else:
        name = "function"
    # Not under a name that other modules mean something else by.
    if (
        not name.isidentifier()
        or keyword.iskeyword(name)
        or name in sys.stdlib_module_names
        or name in sys.modules
    ):
        name = "function"
    arguments = tuple(sys.argv)
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # A value that the generator kept back would be the same in every call.
    random._inst.gauss_next = None
    # Calls with the same arguments are not given them anew.
    sys.argv = list(arguments)
    return module


def flush() -> None:
    """Writes out what was printed. The function may have closed or replaced the streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass


def finish() -> None:
    """The end of a call: what an interpreter does when it exits."""
    if _handlers or atexit._ncallbacks() != _exit_callbacks:
        atexit._run_exitfuncs()
    flush()


def report(arguments: tuple) -> tuple[int, int, int, int, bytes]:
    """(status, kind, line, column, message) for an exception; its traceback goes to stderr."""
    exception, loading = arguments
    if isinstance(exception, SystemExit):
        return _exit(exception.code)
    kind, line, column = EXCEPTION, 0, 0
    message = _summary(exception).strip()
    if isinstance(exception, MemoryError):
        kind = MEMORY
    elif loading and isinstance(exception, SyntaxError) and _is_own(exception.filename):
        kind, line, column = SYNTAX, exception.lineno or 0, max(exception.offset or 0, 0)
        message = exception.msg
        if exception.filename != _main_file(exception):
            message += f" (in {exception.filename.removeprefix(FUNCTION)})"
    _print_traceback(exception)
    flush()
    return 1, kind, line, column, message.encode("utf-8", "backslashreplace")


def _is_own(filename) -> bool:
    return isinstance(filename, str) and filename.startswith(FUNCTION)


def _main_file(exception: BaseException):
    """The file whose import is under way, by the innermost frame of our `load`."""
    traceback = exception.__traceback__
    while traceback:
        frame = traceback.tb_frame
        if frame.f_code is load.__code__:
            return frame.f_locals.get("path")
        traceback = traceback.tb_next
    return None


def _exit(code) -> tuple[int, int, int, int, bytes]:
    """As `sys.exit(code)` means it: a status, or a text that goes to stderr."""
    message = b""
    if code is None:
        status = 0
    elif isinstance(code, int):
        status = max(-(2**31), min(code, 2**31 - 1))
    else:
        status, text = 1, str(code)
        print(text, file=sys.stderr)
        message = text.encode("utf-8", "backslashreplace")
    flush()
    return status, EXIT if status else 0, 0, 0, message


def _summary(exception: BaseException) -> str:
    """The last line of the traceback, whatever the exception's own methods do."""
    from traceback import TracebackException

    try:
        lines = TracebackException(type(exception), exception, None, compact=True)
        # Notes would come after it.
        lines.__notes__ = None
        return list(lines.format_exception_only())[-1]
    except Exception:
        return type(exception).__name__


def _print_traceback(exception: BaseException) -> None:
    """Without the frames of the loader, which say nothing about the function."""
    traceback = exception.__traceback__
    while traceback and traceback.tb_frame.f_code.co_filename.startswith(("<frozen ", __file__)):
        traceback = traceback.tb_next
    exception.__traceback__ = traceback
    try:
        sys.excepthook(type(exception), exception, traceback)
    except BaseException as other:
        sys.__excepthook__(type(other), other, None)
