"""Calls of other functions."""

import asyncio
import json
import sys

import pyfaasm


def double(data):
    return str(2 * int(data))


def fan_out(data):
    """Many calls at a time, each with an answer of its own."""
    calls = [pyfaasm.chain(double, str(n)) for n in range(int(data))]
    answers = [pyfaasm.await_call_output(call) for call in calls]
    assert answers == [(0, b"%d" % (2 * n)) for n in range(len(calls))]
    return str(sum(int(output) for _, output in answers))


def tree(data):
    """Calls itself, twice a level."""
    depth = int(data)
    if depth == 0:
        return "1"
    calls = [pyfaasm.chain("tree", str(depth - 1)) for _ in range(2)]
    return str(sum(int(pyfaasm.await_call_output(call)[1]) for call in calls))


def endless():
    """Each call makes one more, until that is refused."""
    return pyfaasm.await_call(pyfaasm.chain(endless))


def raises():
    raise ValueError("in the callee")


def exits():
    sys.exit(42)


def spins():
    while True:
        pass


def recurses():
    return recurses()


def prints():
    print("the callee's own")
    return "output"


def failures():
    """What callers find of callees that do not succeed."""
    names = "raises exits missing two_arguments recurses"
    calls = {name: pyfaasm.chain(name, b"") for name in names.split()}
    calls["no function"] = pyfaasm.chain_name("missing")
    found = {name: pyfaasm.await_call(call) for name, call in calls.items()}
    again = {name: pyfaasm.await_call_output(call) for name, call in calls.items()}
    assert again == {name: (status, b"") for name, status in found.items()}
    return " ".join(f"{name}={status}" for name, status in found.items())


def two_arguments(first, second):
    pass


def unawaited():
    """Calls that nobody waits for run to their end."""
    for _ in range(5):
        pyfaasm.chain(leave_a_mark)
    return "gone"


def leave_a_mark():
    pyfaasm.append_state("marks", b"x")


def callee_prints():
    print("the caller's own")
    return b"%d %b" % pyfaasm.await_call_output(pyfaasm.chain(prints))


def chains_to_name(data):
    return b"%d %b" % pyfaasm.await_call_output(pyfaasm.chain_name(data.decode(), b"hello"))


def waits_in_any_order():
    calls = [pyfaasm.chain(double, str(n)) for n in range(10)]
    found = {call: pyfaasm.await_call_output(call)[1] for call in reversed(calls)}
    return b" ".join(found[call] for call in calls)


async def from_coroutine():
    async def one(n):
        await asyncio.sleep(0)
        return int(pyfaasm.await_call_output(pyfaasm.chain(double, str(n)))[1])

    return str(sum(await asyncio.gather(*(one(n) for n in range(10)))))


async def awaited(data):
    await asyncio.sleep(0.001)
    return b"awaited " + data


def to_coroutine():
    return b"%d %b" % pyfaasm.await_call_output(pyfaasm.chain(awaited, b"it"))


def is_fresh():
    """A callee starts where the upload ended, not where its caller is."""
    global changed
    changed = "by the caller"
    return pyfaasm.await_call_output(pyfaasm.chain(see))[1]


changed = "at upload"


def see():
    return changed


def chains_what_is_not_the_file_s():
    """By its name, the callee would find nothing, or something else."""

    def fan_out(data):
        pass

    refused = []
    for function in (fan_out, lambda: 0, json.dumps, print, double.__call__):
        try:
            pyfaasm.chain(function)
        except TypeError as error:
            assert "by its name as text" in str(error)
            refused.append(error)
    return str(len(refused))


def waits_for_spinner():
    return pyfaasm.await_call(pyfaasm.chain(spins))
