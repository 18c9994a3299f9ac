"""`_faasm` in the process: the same functions as the server's, on a `World` in this memory.

Functions run one after the other: a chained call runs when it is waited for, or after its
caller. So a lock that is taken can never be let go of by another, and is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyfaasm.calls import Data


@dataclass
class Chained:
    """A call that another one chained: what runs it, and how it ended once it has run."""

    run: Callable[[], tuple[int, bytes]]
    result: tuple[int, bytes] | None = None

    def wait(self) -> tuple[int, bytes]:
        """Runs it, if it has not run."""
        if self.result is None:
            self.result = self.run()
        return self.result


@dataclass
class Call:
    """What a running call has for its own."""

    input: bytes = b""
    output: bytes = b""
    user: str = "test"
    function: str = ""
    entry: str = "faasm_main"
    importing: bool = False
    chained: list[Chained] = field(default_factory=list)
    # How to run another entry point, or another function, with an input.
    run_entry: Callable[[str, bytes], tuple[int, bytes]] = lambda name, data: (-1, b"")
    run_function: Callable[[str, bytes], tuple[int, bytes]] = lambda name, data: (-1, b"")


@dataclass
class Store:
    """State and its locks. Both tiers are one: there is one process."""

    values: dict[str, bytearray] = field(default_factory=dict)
    appended: dict[str, list[bytes]] = field(default_factory=dict)
    readers: dict[str, int] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    global_locks: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)

    def value(self, key: str, total: int) -> bytearray:
        """The value, extended to `total` bytes."""
        value = self.values.setdefault(key, bytearray())
        if len(value) < total:
            # Views stay on what they were made of: a new generation.
            value = self.values[key] = value + bytes(total - len(value))
        return value


# The call under way is the last. The first is that of a program that is run by hand.
calls: list[Call] = [Call()]
stores: list[Store] = [Store()]


def _call() -> Call:
    if calls[-1].importing:
        raise RuntimeError(
            "functions may not use input, output, calls, state and locks while they are "
            'imported, which happens once, at upload: do it in faasm_main, or put "# faasm: '
            'no-snapshot" in the first lines of the file'
        )
    return calls[-1]


def _store() -> Store:
    _call()
    return stores[-1]


def _bytes(data: Data) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)


def input_size() -> int:
    return len(_call().input)


def get_input() -> bytes:
    return _call().input


def set_output(output: Data) -> None:
    _call().output = _bytes(output)


def _chain(run: Callable[[str, bytes], tuple[int, bytes]], name: str, data: Data) -> int:
    copied = _bytes(data)
    call = _call()
    call.chained.append(Chained(lambda: run(name, copied)))
    return len(call.chained)


def chain_name(name: str, data: Data) -> int:
    return _chain(_call().run_function, name, data)


def chain_py(entry: str, data: Data) -> int:
    return _chain(_call().run_entry, entry, data)


def await_call(call: int) -> int:
    return await_call_output(call)[0]


def await_call_output(call: int) -> tuple[int, bytes]:
    return _call().chained[call - 1].wait()


def py_user() -> str:
    return calls[-1].user


def py_func() -> str:
    return calls[-1].function


def py_entry() -> str:
    return calls[-1].entry


def conf_flag(key: str) -> bool:
    return key in _store().flags


def state_size(key: str) -> int:
    return len(_store().values.get(key, b""))


def read_state(key: str, length: int) -> bytes:
    return bytes(_store().values.get(key, b"")[:length]).ljust(length, b"\0")


def read_state_offset(key: str, total: int, offset: int, length: int) -> bytes:
    return bytes(_store().value(key, total)[offset : offset + length])


def state_view(key: str, total: int) -> memoryview:
    return memoryview(_store().value(key, total))[:total]


def state_view_offset(key: str, total: int, offset: int, length: int) -> memoryview:
    return memoryview(_store().value(key, total))[offset : offset + length]


def write_state(key: str, data: Data) -> None:
    values, new = _store().values, _bytes(data)
    if len(values.get(key, b"")) == len(new) and key in values:
        values[key][:] = new
    else:
        values[key] = bytearray(new)


def write_state_offset(key: str, total: int, offset: int, data: Data) -> None:
    new = _bytes(data)
    _store().value(key, total)[offset : offset + len(new)] = new


def write_state_from_file(key: str, path: str) -> int:
    with open(path, "rb") as file:
        data = file.read()
    write_state(key, data)
    return len(data)


def append_state(key: str, data: Data) -> None:
    _store().appended.setdefault(key, []).append(_bytes(data))


def read_appended_state(key: str, length: int, count: int) -> bytes:
    elements = b"".join(_store().appended.get(key, [])[:count])
    if len(elements) > length:
        raise RuntimeError(f"{len(elements)} bytes were appended: {length} are not enough for them")
    return elements.ljust(length, b"\0")


def clear_appended_state(key: str) -> None:
    _store().appended.pop(key, None)


def _nothing(*arguments: Any) -> None:
    """There is one tier: pushed is what is written."""
    _store()


push_state = push_state_partial = push_state_partial_mask = pull_state = _nothing


def _forever(key: str) -> RuntimeError:
    return RuntimeError(f"the lock of '{key}' is held by this call or one that waits for it")


def lock_state_read(key: str) -> None:
    store = _store()
    if key in store.writers:
        raise _forever(key)
    store.readers[key] = store.readers.get(key, 0) + 1


def unlock_state_read(key: str) -> None:
    _store().readers[key] -= 1


def lock_state_write(key: str) -> None:
    store = _store()
    if key in store.writers or store.readers.get(key):
        raise _forever(key)
    store.writers.add(key)


def unlock_state_write(key: str) -> None:
    _store().writers.remove(key)


def lock_state_global(key: str) -> None:
    store = _store()
    if key in store.global_locks:
        raise _forever(key)
    store.global_locks.add(key)


def unlock_state_global(key: str) -> None:
    _store().global_locks.remove(key)
