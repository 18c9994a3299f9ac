"""Runs functions in the process, for tests: no server is needed.

    from pyfaasm import testing

    result = testing.run("hello.py", input=b"x")
    assert result.status == 0 and result.output == b"hello x"

A `World` keeps state from run to run, and knows the functions that can be chained by name.
Other than in the server, calls of one file share its globals, and a chained call runs when
it is waited for, or after its caller.
"""

import contextlib
import importlib.util
import io
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

from pyfaasm import _contract, _emulation
from pyfaasm import calls as _calls

Function = ModuleType | str | Path
"""A module, or the path of a file or of a directory with a `function.py`."""


@dataclass
class Result:
    """How a call ended."""

    status: int
    """0 for success; 1 if it raised `exception`."""
    output: bytes
    stdout: str
    stderr: str
    exception: BaseException | None = None


@dataclass
class World:
    """State, and the functions of a user."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    user: str = "test"
    store: _emulation.Store = field(default_factory=_emulation.Store)

    @property
    def state(self) -> dict[str, bytearray]:
        """The values, by key."""
        return self.store.values

    def run(self, function: Function, input: bytes = b"", entry: str = "faasm_main") -> Result:
        """Calls a function, and waits for all that it chains."""
        if _running_in_server():
            raise RuntimeError("pyfaasm.testing is for a native Python")
        stdout, stderr = io.StringIO(), io.StringIO()
        _emulation.stores.append(self.store)
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
                status, output, exception = self._call(function, entry, input)
        finally:
            _emulation.stores.pop()
        return Result(status, output, stdout.getvalue(), stderr.getvalue(), exception)

    def _call(self, function: Function, entry: str, input: bytes):
        handles, _calls._handles = _calls._handles, set()
        file = _calls._file
        call = _emulation.Call(bytes(input), user=self.user, entry=entry)
        _emulation.calls.append(call)
        exception = None
        try:
            module = _loaded(function, call)
            call.run_entry = lambda name, data: self._call(module, name, data)[:2]
            call.run_function = self._call_by_name
            status = _status(_result(module, entry), call)
        except SystemExit as exit:
            status = _exit_status(exit.code)
        except Exception as error:
            traceback.print_exc()
            status, exception = 1, error
        finally:
            for chained in call.chained:
                chained.wait()
            _emulation.calls.pop()
            _calls._handles, _calls._file = handles, file
        return status, call.output, exception

    def _call_by_name(self, name: str, data: bytes) -> tuple[int, bytes]:
        if name not in self.functions:
            return -1, b""
        return self._call(self.functions[name], "faasm_main", data)[:2]


def run(function: Function, input: bytes = b"", entry: str = "faasm_main") -> Result:
    """Calls a function in a world of its own."""
    return World().run(function, input, entry)


def _running_in_server() -> bool:
    return sys.platform == "wasi"


def _loaded(function: Function, call: _emulation.Call) -> ModuleType:
    """The module. A file is imported under the rules of an upload."""
    if isinstance(function, ModuleType):
        call.function = function.__name__
        _calls.set_file(function)
        return function
    path = Path(function)
    folder = path.is_dir()
    if folder:
        path /= "function.py"
    call.function = "function" if folder else path.stem
    spec = importlib.util.spec_from_file_location(call.function, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    with path.open(encoding="utf-8") as file:
        call.importing = not any("# faasm: no-snapshot" in file.readline() for _ in range(5))
    _calls.set_file(module)
    # An uploaded tree's root is where its modules are looked for.
    with _search_path(path.parent) if folder else contextlib.nullcontext():
        spec.loader.exec_module(module)
    call.importing = False
    return module


@contextlib.contextmanager
def _search_path(folder: Path):
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _result(module: ModuleType, entry: str):
    """What the entry point returns."""
    function: Callable | None = getattr(module, entry, None)
    if not callable(function):
        raise LookupError(f"the file defines no function '{entry}'")
    if _contract.takes_input(function):
        function = partial(function, _emulation.get_input())
    result = function()
    return _contract.run_coroutine(result) if hasattr(result, "__await__") else result


def _status(result: object, call: _emulation.Call) -> int:
    if result is None:
        return 0
    if isinstance(result, int):
        if not -(2**31) <= result < 2**31:
            raise TypeError(
                "the function returned an int that is no status: a status has 32 bits, "
                "from -2147483648 to 2147483647"
            )
        return int(result)
    if isinstance(result, str | bytes | bytearray | memoryview):
        call.output = result.encode() if isinstance(result, str) else bytes(result)
        return 0
    name = type(result).__name__
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    raise TypeError(
        f"the function returned {article} {name}: it returns an int, None, bytes or str"
    )


def _exit_status(code: object) -> int:
    if code is None or isinstance(code, int):
        return int(code or 0)
    print(code, file=sys.stderr)
    return 1
