"""State as memory, and its locks."""

import struct

import pyfaasm

NUMBER = struct.Struct("<q")


def count():
    """Adds one, under the local lock, in the memory that all calls share."""
    with pyfaasm.write_lock("counter"):
        counter = pyfaasm.state_view("counter", NUMBER.size)
        (number,) = NUMBER.unpack(counter)
        # Anybody who is not kept out comes between.
        sum(range(2_000))
        NUMBER.pack_into(counter, 0, number + 1)
    return str(number + 1)


def count_globally():
    """Adds one in the global tier."""
    with pyfaasm.global_lock("global"):
        pyfaasm.pull_state("global", NUMBER.size)
        (number,) = NUMBER.unpack(pyfaasm.read_state("global", NUMBER.size))
        pyfaasm.write_state("global", NUMBER.pack(number + 1))
        pyfaasm.push_state("global")


def read_count():
    with pyfaasm.read_lock("counter"):
        return str(*NUMBER.unpack(pyfaasm.state_view("counter")))


def write_view():
    """What is stored through a view is the value, without a word about it."""
    view = pyfaasm.state_view("view", 10)
    view[:] = b"0123456789"
    view[3] = ord("x")
    pyfaasm.state_view_offset("view", 10, 8, 2)[:] = b"YZ"
    part = view[5:7]
    part[0] = ord("-")
    return pyfaasm.read_state("view")


def read_view():
    view = pyfaasm.state_view("view")
    assert not view.readonly and view.nbytes == 10 and view.contiguous
    return view


def views_are_one():
    """Two views of a key are the same memory, as are numbers laid over it."""
    first, second = (pyfaasm.state_view("same", 32) for _ in range(2))
    numbers = first.cast("i")
    numbers[7] = 0x01020304
    assert bytes(second[28:]) == b"\x04\x03\x02\x01"
    del first, numbers
    return bytes(second[28:]).hex()


def view_outlives_names():
    """A view is valid as long as the call, whatever is collected or written to the key."""
    import gc

    views = [pyfaasm.state_view(f"many{n}", 70_000) for n in range(20)]
    for n, view in enumerate(views):
        view[::1000] = bytes([n + 1]) * len(view[::1000])
    pyfaasm.write_state("many3", b"another, smaller")
    gc.collect()
    found = [view[69_000] for view in views]
    return repr(found == list(range(1, 21)))


def view_then_fail():
    pyfaasm.state_view("failed", 4)[:] = b"fail"
    raise ValueError("after the write")


def kept_lock():
    """Ends with a lock that it never gives back."""
    pyfaasm.write_lock("kept").__enter__()


def lock_and_raise():
    with pyfaasm.write_lock("raised"):
        raise ValueError("inside")


def take(data):
    key = data.decode()
    with pyfaasm.write_lock(key), pyfaasm.global_lock(key):
        return "taken"


def locks_again():
    """The same lock twice cannot be had."""
    with pyfaasm.write_lock("twice"):
        with pyfaasm.write_lock("twice"):
            return "never"


def array_of(data):
    """Numbers in state, without a copy, by what is in the library."""
    size = int(data)
    numbers = pyfaasm.state_view("numbers", size * 8).cast("q")
    numbers[:] = memoryview(struct.pack(f"<{size}q", *range(size))).cast("q")
    return str(sum(numbers))


def masked():
    pyfaasm.write_state("masked", b"aaaa")
    pyfaasm.push_state("masked")
    pyfaasm.write_state("mask", b"\0\xff\0\xff")
    pyfaasm.state_view("masked", 4)[:] = b"bbbb"
    pyfaasm.push_state_partial_mask("masked", "mask")
    pyfaasm.pull_state("masked", 4)
    return pyfaasm.read_state("masked")
