"""State: values of bytes under keys, which all functions of a user share.

A value lives in two tiers: the local one, memory that all Faaslets of a server share, and
the global one, which `push_state` writes to and `pull_state` reads from. What a call that
succeeds wrote is pushed at its end. Sizes and offsets are in bytes, and at most 2 GiB - 1.
`total` is how large the caller takes a value to be: a larger one extends it with zeros.
All functions raise StateError for keys that none can have and ranges outside of `total`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath

from pyfaasm._host import host
from pyfaasm.calls import Data
from pyfaasm.errors import StateError

MAX_SIZE = 2**31 - 1
"""The size in bytes that a value can have at most."""


def read_state_size(key: str) -> int:
    """The size of the value: 0 if it was never written."""
    return host.state_size(_key(key))


def read_state(key: str, length: int | None = None) -> bytes:
    """The value, or its first `length` bytes with zeros where it is shorter."""
    if length is None:
        length = host.state_size(_key(key))
    return host.read_state(_key(key), _size(length))


def read_state_offset(key: str, total: int, offset: int, length: int) -> bytes:
    """`length` bytes from `offset` on. Only they are fetched."""
    return host.read_state_offset(_key(key), *_range(total, offset, length))


def state_view(key: str, size: int | None = None) -> memoryview:
    """The value itself as writable memory, nothing copied: all Faaslets of the server that view
    it see what is written, at once. Without `size`, as large as the value is.

    The view is valid as long as the call, and stays on the old value if one of another size
    replaces it. What must not be seen half written, or written by two at a time, is a
    matter for `write_lock`.
    """
    if size is None:
        size = host.state_size(_key(key))
    return host.state_view(_key(key), _size(size)) if size else memoryview(bytearray())


def state_view_offset(key: str, total: int, offset: int, length: int) -> memoryview:
    """As `state_view`, for `length` bytes from `offset` on. Only they are fetched."""
    key, (total, offset, length) = _key(key), _range(total, offset, length)
    if length == 0:
        return memoryview(bytearray())
    return host.state_view_offset(key, total, offset, length)


def write_state(key: str, value: Data) -> None:
    """Makes `value` the value. With another size than before it replaces the value."""
    host.write_state(_key(key), value)


def write_state_offset(key: str, total: int, offset: int, data: Data) -> None:
    """Writes `data` from `offset` on."""
    if isinstance(data, str):
        data = data.encode()
    _range(total, offset, memoryview(data).nbytes)
    host.write_state_offset(_key(key), total, offset, data)


def write_state_from_file(key: str, path: str | PathLike[str]) -> int:
    """Makes the content of a file the value and returns its size."""
    return host.write_state_from_file(_key(key), fspath(path))


def push_state(key: str) -> None:
    """Writes what was changed here to the global tier, and returns when it is durable."""
    host.push_state(_key(key))


def push_state_partial(key: str) -> None:
    """As `push_state`, only the parts that were changed."""
    host.push_state_partial(_key(key))


def push_state_partial_mask(key: str, mask_key: str) -> None:
    """Pushes the bytes that are not 0 in the value of `mask_key`, which has the same size."""
    host.push_state_partial_mask(_key(key), _key(mask_key))


def pull_state(key: str, length: int | None = None) -> None:
    """Takes the value from the global tier, at least its first `length` bytes, and forgets
    changes that were not pushed."""
    if length is None:
        length = host.state_size(_key(key))
    host.pull_state(_key(key), _size(length))


def append_state(key: str, data: Data) -> None:
    """Appends an element to the list beside the value, in the global tier: whoever else
    appends, in one piece."""
    host.append_state(_key(key), data)


def read_appended_state(key: str, length: int, count: int) -> bytes:
    """The first `count` elements one behind the other, and zeros up to `length` bytes, which
    must be enough for them."""
    return host.read_appended_state(_key(key), _size(length), _size(count))


def clear_appended_state(key: str) -> None:
    """Empties the list beside the value."""
    host.clear_appended_state(_key(key))


@contextmanager
def _held(key: str, lock: Callable[[str], None], unlock: Callable[[str], None]) -> Iterator[None]:
    lock(_key(key))
    try:
        yield
    finally:
        unlock(key)


def read_lock(key: str):
    """Holds the value's local lock for reading, in a `with`: others may read, none may write.
    Locks bind only those who take them, and are no longer held when the call ends."""
    return _held(key, host.lock_state_read, host.unlock_state_read)


def write_lock(key: str):
    """Holds the value's local lock for writing, in a `with`: alone on this server."""
    return _held(key, host.lock_state_write, host.unlock_state_write)


def global_lock(key: str):
    """Holds the value's global lock, in a `with`: alone among all servers."""
    return _held(key, host.lock_state_global, host.unlock_state_global)


def _key(key: str) -> str:
    size = len(key.encode())
    if not 0 < size <= 512 or "/" in key or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in key):
        raise StateError(
            f"a key is 1 to 512 bytes of text without '/' and control characters: {key[:200]!r}"
        )
    return key


def _size(size: int) -> int:
    if not 0 <= size <= MAX_SIZE:
        raise StateError(f"a size or number is 0 to {MAX_SIZE}, not {size}")
    return size


def _range(total: int, offset: int, length: int) -> tuple[int, int, int]:
    _size(total)
    if offset < 0 or length < 0 or offset + length > total:
        raise StateError(f"{length} bytes at {offset} do not lie in a value of {total}")
    return total, offset, length
