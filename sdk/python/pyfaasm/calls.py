"""Input, output, and calling other functions."""

from collections.abc import Callable
from types import ModuleType

from pyfaasm._host import host
from pyfaasm.errors import CallError

Data = bytes | bytearray | memoryview | str
"""What is sent: text is sent as UTF-8."""

# A handle is a number that counts from 1 in each call; the server ends a call that waits
# for another. The memory is the call's own, so the set is.
_handles: set[int] = set()

# The function's file, in which callees are found by their names; None in a program that is
# run by hand.
_file: ModuleType | None = None


def set_file(module: ModuleType) -> None:
    """Says which file the function is, before it is imported. For the runtime."""
    global _file
    _file = module


def get_input_len() -> int:
    """The size of the call's input in bytes."""
    return host.input_size()


def read_input(length: int | None = None) -> bytes:
    """The call's input, or the first `length` bytes of it."""
    data = host.get_input()
    return data if length is None else data[: max(length, 0)]


def write_output(output: Data) -> None:
    """Makes `output` the call's output. The last write wins; what the function returns, if it
    is no status, is the last."""
    host.set_output(output)


def chain(function: Callable | str, input: Data = b"") -> int:
    """Starts a call of another function of this file, or of its name, and returns its handle at
    once. It runs in a Faaslet of its own: all it gets is the input, which it takes as argument
    or reads. TypeError if the file has no such function under its name."""
    name = function if isinstance(function, str) else _name_in_file(function)
    if not name.isidentifier():
        raise CallError(f"{name[:200]!r} is no name of a function")
    return _started(host.chain_py(_name(name), input))


def chain_name(name: str, input: Data = b"") -> int:
    """Starts a call of the same user's function `name` and returns its handle at once. If there
    is none, waiting for it gives -1."""
    return _started(host.chain_name(_name(name), input))


def await_call(call: int) -> int:
    """Waits for a call and returns its status: 0 for success, -1 if it was stopped or there is
    no such function. Waiting twice gives the same answer twice. CallError if `call` is no
    handle."""
    return host.await_call(_known(call))


def await_call_output(call: int) -> tuple[int, bytes]:
    """As `await_call`, with the call's output: (status, output)."""
    return host.await_call_output(_known(call))


def py_user() -> str:
    """The user whose function this is."""
    return host.py_user()


def py_func() -> str:
    """The name that the function's file was uploaded under."""
    return host.py_func()


def py_entry() -> str:
    """The name of the function of the file that this call began with."""
    return host.py_entry()


def conf_flag(key: str) -> bool:
    """Whether the deployment switched the flag `key` on."""
    return bool(host.conf_flag(key))


def _name_in_file(function: Callable) -> str:
    """The name under which a callee finds the very same function."""
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or not name.isidentifier():
        what, fix = f"a {type(function).__name__} without a name", "define a function with `def`"
    elif _file is None or getattr(_file, name, None) is function:
        return name
    else:
        what = f"'{name[:200]}', which is not what the function's file has under this name"
        fix = "define it there, or import it into it"
    raise TypeError(
        f"chain() was given {what}: the callee is another Faaslet and finds functions by name; "
        f"{fix} at the top level, or chain one by its name as text"
    )


def _name(name: str) -> str:
    size = len(name.encode())
    if not 0 < size <= 128 or "\0" in name:
        raise CallError(f"a function's name has 1 to 128 bytes, this one {size}: {name[:200]!r}")
    return name


def _started(handle: int) -> int:
    _handles.add(handle)
    return handle


def _known(call: int) -> int:
    if call not in _handles:
        raise CallError(f"{call!r} is no handle of a call that this call chained")
    return call
