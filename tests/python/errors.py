"""What goes wrong, and must go wrong by name."""

import re
import sys
import time


def one_large_block():
    return bytearray(1 << 30)


def growing_list():
    values = []
    while True:
        values.append(b"x" * 100_000)


def growing_text():
    text = "x"
    while True:
        text += text


def caught_and_gone_on():
    """What did not fit is no harm to what does."""
    tries = 0
    for _ in range(50):
        try:
            bytearray(1 << 30)
        except MemoryError:
            tries += 1
    values = [b"x" * 1000 for _ in range(1000)]
    return f"{tries} {len(values)}"


def not_countable():
    return bytearray(10**10)


def spin():
    while True:
        pass


def sleep():
    time.sleep(1000)


def sleep_in_coroutine():
    import asyncio

    asyncio.run(asyncio.sleep(1000))


def backtrack():
    re.match(r"(a+)+$", "a" * 60 + "b")


def large_power():
    return str((7**7_000_000) % 10)


def never_caught():
    """Ends all the same."""
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def prints_without_end():
    line = "x" * 10_000
    while True:
        print(line)


def writes_stderr_without_end():
    while True:
        sys.stderr.write("x" * 10_000)


def returns_too_much():
    return b"x" * (20 << 20)


def exit_none():
    sys.exit()


def exit_zero():
    sys.exit(0)


def exit_number():
    sys.exit(3)


def exit_text():
    sys.exit("a last word")


def exit_true():
    sys.exit(True)


def exit_negative():
    sys.exit(-7)


def exit_large():
    sys.exit(1 << 40)


def exit_list():
    sys.exit(["a", 1])


def exit_raised():
    raise SystemExit(4)


def exit_builtin():
    exit(5)


def exit_in_coroutine():
    import asyncio

    async def ends():
        sys.exit(6)

    asyncio.run(ends())


def exit_with_output():
    import pyfaasm

    pyfaasm.write_output(b"kept")
    print("printed")
    sys.exit(0)


def exit_at_once():
    import os

    print("printed", flush=True)
    os._exit(9)


def abort():
    import os

    os.abort()


def raise_signal():
    import signal

    signal.raise_signal(signal.SIGABRT)


def huge_number():
    return str(10**5_000)
