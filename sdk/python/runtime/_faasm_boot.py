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
from pyfaasm import calls
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

# Characters of a message, and of a traceback: what is longer is cut off.
MAX_MESSAGE = 4 << 10
MAX_TRACEBACK = 256 << 10

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


def check(name: str) -> None:
    """Looks at what was uploaded without running it."""
    spec = _spec(name)
    _check_names(spec.loader.path)
    _code(spec)


def _check_names(main: str) -> None:
    """ImportError for a module that the library's of its name would always be imported for."""
    if main != FUNCTION + "function.py":
        return
    for entry in sorted(os.listdir(FUNCTION)):
        name = entry.removesuffix(".py")
        if name == entry and not os.path.exists(f"{FUNCTION}{entry}/__init__.py"):
            continue  # no module
        if name in sys.stdlib_module_names and name in sys.modules and not _is_installed(entry):
            raise ImportError(
                f"'{entry}' has the name of a module of the standard library, "
                "which is imported in its place: rename it"
            )


def _is_installed(entry: str) -> bool:
    """Whether it is of a package, which brings what old versions of Python did not have."""
    from importlib.metadata import distributions

    return any(
        file.parts[:1] == (entry,)
        for distribution in distributions(path=[FUNCTION])
        for file in distribution.files or ()
    )


def _spec(name: str):
    """Where the module of the function called `name` is to be found, and its name as such."""
    from importlib.util import spec_from_file_location

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
    return spec_from_file_location(name, path)


def _code(spec):
    """The file, compiled."""
    try:
        return spec.loader.get_code(spec.name)
    except (MemoryError, RecursionError) as error:
        if isinstance(error, MemoryError) and not _is_of_parser(error):
            raise
        place = (spec.loader.path, None, None, None)
        raise SyntaxError(f"the file is nested too deeply: {error}", place) from None


def _is_of_parser(error: MemoryError) -> bool:
    """Whether it is what the parser says of too deep a text, which is no lack of memory."""
    return str(error).startswith("Parser stack overflowed")


def load_uploaded(name: str):
    """As `load`, for a file that nobody has looked at yet."""
    _check_names(_spec(name).loader.path)
    return load(name)


def load(name: str):
    """Imports the file of the function called `name` and returns its module."""
    from importlib.util import module_from_spec

    spec = _spec(name)
    arguments = tuple(sys.argv)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    calls.set_file(module)
    exec(_code(spec), module.__dict__)
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
    if isinstance(exception, MemoryError) and not _is_of_parser(exception):
        kind = MEMORY
    elif loading and isinstance(exception, SyntaxError) and _is_own(exception.filename):
        kind, line, column = SYNTAX, exception.lineno or 0, max(exception.offset or 0, 0)
        message = exception.msg
        if exception.filename != _main_file(exception):
            message += f" (in {exception.filename.removeprefix(FUNCTION)})"
    _print_traceback(exception)
    flush()
    return 1, kind, line, column, _bounded(message)


def _bounded(message: str) -> bytes:
    """As much of it as the server keeps."""
    return message[:MAX_MESSAGE].encode("utf-8", "backslashreplace")


def _is_own(filename) -> bool:
    return isinstance(filename, str) and filename.startswith(FUNCTION)


def _main_file(exception: BaseException):
    """The file of the function, by the frame of what loads it."""
    traceback = exception.__traceback__
    while traceback:
        frame = traceback.tb_frame
        if frame.f_code is _code.__code__ or frame.f_code is load.__code__:
            return frame.f_locals["spec"].loader.path
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
        message = _bounded(text)
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
    stderr = sys.stderr
    sys.stderr = _Bounded(stderr)
    try:
        sys.excepthook(type(exception), exception, traceback)
    except BaseException as other:
        sys.__excepthook__(type(other), other, None)
    finally:
        sys.stderr = stderr


class _Bounded:
    """A stream that drops what is too much for a traceback."""

    def __init__(self, stream):
        self._stream = stream
        self._left = MAX_TRACEBACK

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """As the stream's."""
        kept = text[: max(self._left, 0)]
        if 0 <= self._left < len(text):
            kept += "… (cut off)\n"
        self._left -= len(text)
        self._stream.write(kept)
        return len(text)
