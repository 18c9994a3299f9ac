"""pyfaasm under both generations of its names."""

import pyfaasm
import pyfaasm.core as core

OLDER = """
    get_input set_output get_state get_state_size get_state_offset set_state set_state_offset
    chain_this_with_input
"""
NEWER = """
    read_input get_input_len write_output read_state read_state_size read_state_offset write_state
    write_state_offset chain push_state push_state_partial pull_state await_call await_call_output
    chain_name append_state read_appended_state clear_appended_state
"""


def all_names():
    """What of the two generations is missing, or is without a word about it."""
    wrong = [name for name in (OLDER + NEWER).split() if not callable(getattr(core, name, None))]
    wrong += [name for name in NEWER.split() if not callable(getattr(pyfaasm, name, None))]
    public = [(module, name) for module in (pyfaasm, core) for name in module.__all__]
    wrong += [name for module, name in public if not getattr(module, name).__doc__]
    return " ".join(wrong)


def older():
    """Changes all that there is, with the older names."""
    core.set_output(core.get_input()[::-1])
    assert core.get_state_size("older") == 0
    core.set_state("older", b"0123456789")
    assert core.get_state_size("older") == 10
    assert core.get_state("older", 4) == b"0123"
    assert core.get_state_offset("older", 10, 3, 4) == b"3456"
    core.set_state_offset("older", 10, 8, b"XY")
    core.push_state("older")
    call = core.chain_this_with_input(upper, b"chained")
    assert core.await_call_output(call) == (0, b"CHAINED")


def newer():
    """The same, with the newer names."""
    assert core.get_input_len() == len(core.read_input())
    assert core.read_input(2) == core.read_input()[:2]
    core.write_output(core.read_input()[::-1])
    assert core.read_state_size("newer") == 0
    core.write_state("newer", b"0123456789")
    assert core.read_state_size("newer") == 10
    assert core.read_state("newer", 4) == b"0123"
    assert core.read_state("newer") == b"0123456789"
    assert core.read_state_offset("newer", 10, 3, 4) == b"3456"
    core.write_state_offset("newer", 10, 8, b"XY")
    core.push_state_partial("newer")
    call = core.chain(upper, b"chained")
    assert core.await_call_output(call) == (0, b"CHAINED")
    assert core.await_call(call) == 0


def upper(data):
    return data.upper()


def misuse():
    """What the server would end the call for is an exception. The names of those that are none."""
    tries = {
        "handle": lambda: pyfaasm.await_call(77),
        "output": lambda: pyfaasm.await_call_output(0),
        "negative handle": lambda: pyfaasm.await_call(-1),
        "name": lambda: pyfaasm.chain_name("n" * 200),
        "empty name": lambda: pyfaasm.chain_name(""),
        "no name": lambda: pyfaasm.chain("not a name"),
        "NUL": lambda: pyfaasm.chain_name("a\0b"),
        "empty key": lambda: pyfaasm.read_state_size(""),
        "slash": lambda: pyfaasm.read_state_size("a/b"),
        "NUL in key": lambda: pyfaasm.write_state("a\0b", b""),
        "long key": lambda: pyfaasm.write_state("k" * 600, b""),
        "length": lambda: pyfaasm.read_state("key", -1),
        "range": lambda: pyfaasm.read_state_offset("key", 10, 8, 3),
        "offset": lambda: pyfaasm.write_state_offset("key", 10, -1, b"x"),
        "size": lambda: pyfaasm.state_view("key", 1 << 40),
        "overflow": lambda: pyfaasm.read_state_offset("key", 1 << 70, 0, 1),
    }
    taken = []
    for name, attempt in tries.items():
        try:
            attempt()
            taken.append(name)
        except ValueError as error:
            assert isinstance(error, (pyfaasm.CallError, pyfaasm.StateError)), (name, error)
            assert str(error), name
    for attempt in (
        lambda: pyfaasm.write_output(5),
        lambda: pyfaasm.write_state("key", None),
        lambda: pyfaasm.read_state_size(b"key"),
        lambda: pyfaasm.chain(upper, [1]),
        lambda: pyfaasm.chain(lambda: 0),
    ):
        try:
            attempt()
            taken.append(repr(attempt))
        except (TypeError, AttributeError):
            pass
    return ", ".join(taken)


def call_with_module(data):
    """Calls a module of the same user with the input."""
    status, output = pyfaasm.await_call_output(pyfaasm.chain_name("module", data))
    return b"%d %b" % (status, output)


def shares_with_module():
    """Reads what the C function wrote, and leaves it something."""
    theirs = pyfaasm.read_state("from_c")
    pyfaasm.write_state("from_python", b"python\0")
    pyfaasm.append_state("list", b"python ")
    return theirs


def appended():
    for n in range(3):
        pyfaasm.append_state("appended", b"%d" % n)
    first = pyfaasm.read_appended_state("appended", 2, 2)
    pyfaasm.clear_appended_state("appended")
    pyfaasm.append_state("appended", "ä")
    return first + pyfaasm.read_appended_state("appended", 2, 1)


def from_file():
    with open("/tmp/file", "wb") as file:
        file.write(b"from a file")
    assert pyfaasm.write_state_from_file("file", "/tmp/file") == 11
    return pyfaasm.read_state("file")


def buffers():
    """All that has bytes is data."""
    import array

    for data in (b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), "abcd", array.array("b", b"abcd")):
        pyfaasm.write_state("buffer", data)
        assert pyfaasm.read_state("buffer") == b"abcd", data
        pyfaasm.write_state_offset("buffer", 4, 0, data)
        assert pyfaasm.await_call_output(pyfaasm.chain("upper", data)) == (0, b"ABCD"), data
        pyfaasm.write_output(data)


def large(data):
    """A few megabytes of output, state and input, there and back."""
    block = bytes(range(256)) * (1 << 14)
    pyfaasm.write_state("large", block)
    assert pyfaasm.read_state("large") == block
    status, output = pyfaasm.await_call_output(pyfaasm.chain("same", block))
    assert (status, output) == (0, block)
    return output[:256].hex()


def same(data):
    return data


def input_is(data):
    return str(len(data))
