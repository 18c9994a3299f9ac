"""Changes whatever a call can change, and says what it found changed before it did."""

import asyncio
import atexit
import builtins
import collections
import contextvars
import decimal
import functools
import gc
import json
import logging
import os
import random
import re
import secrets
import signal
import sqlite3
import sys
import tempfile
import uuid
import warnings

import pyfaasm

number = 0
values = []
original = (json.dumps, builtins.len, os.getcwd, list(sys.path), sys.getrecursionlimit())
open_file = None


@functools.cache
def cached(key):
    return object()


class Kept:
    instances = 0


def default(values=[]):  # noqa: B006
    values.append(1)
    return len(values)


def generator():
    yield from range(10)


counting = generator()
variable = contextvars.ContextVar("variable", default="upload")
handler = signal.getsignal(signal.SIGINT)
memory = sqlite3.connect(":memory:")
memory.execute("create table t (n int)")


def found():
    """What is not as the upload left it."""
    files = [name for name in ("/mine", "/tmp/mine", "mine", "/function/mine") if os.path.exists(name)]
    as_it_was = {
        "global": number == 0 and values == [],
        "cache": cached.cache_info().currsize == 0,
        "class": Kept.instances == 0 and not hasattr(Kept, "added"),
        "default": default() == 1,
        "generator": next(counting) == 0,
        "patched": (json.dumps, builtins.len, os.getcwd) == original[:3],
        "builtin": not hasattr(builtins, "mine"),
        "path": sys.path == original[3],
        "limit": sys.getrecursionlimit() == original[4],
        "digits": sys.get_int_max_str_digits() == 4300,
        "modules": "mine" not in sys.modules and "colorsys_" not in sys.modules,
        "files": files == [],
        "open file": open_file is None,
        "directory": os.getcwd() == "/",
        "temporary directory": os.listdir(tempfile.gettempdir()) == [],
        "environment": "MINE" not in os.environ,
        "handlers": logging.getLogger().handlers == [] and logging.getLogger().level == logging.WARNING,
        "loggers": "mine" not in logging.Logger.manager.loggerDict,
        "collector": gc.isenabled() and gc.get_threshold()[0] != 7 and gc.callbacks == [],
        "decimals": decimal.getcontext().prec == 28,
        "warnings": not any(entry[0] == "error" for entry in warnings.filters),
        "hooks": sys.excepthook is sys.__excepthook__ and sys.stdout is sys.__stdout__,
        "trace": sys.gettrace() is None and sys.getprofile() is None,
        "database": memory.execute("select count(*) from t").fetchone() == (0,),
        "arguments": sys.argv == ["function.wasm"],
        "patterns": "mine" not in {key[1] for key in re._cache},
        "counter": collections.Counter is original_counter,
        "random": random.random is original_random,
        "context": variable.get() == "upload",
        "signals": signal.getsignal(signal.SIGINT) is handler,
        "loop": asyncio.get_event_loop_policy()._local._loop is None,
        "descriptors": not is_open(15),
        "encoding": sys.stdout.encoding == "utf-8" and sys.stdin.read() == "",
    }
    return [name for name, is_so in as_it_was.items() if not is_so]


def is_open(descriptor):
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


original_counter = collections.Counter
original_random = random.random


def change():
    """Leaves nothing as it was."""
    global number, open_file
    number = 5
    values.append("mine")
    cached("mine")
    default()
    Kept.instances += 1
    Kept.added = "mine"
    for name in ("/mine", "/tmp/mine"):
        with open(name, "w") as file:
            file.write("mine")
    open_file = open("/kept", "w")
    open_file.write("never closed")
    sys.path.insert(0, "/mine")
    sys.modules["mine"] = sys
    sys.setrecursionlimit(5_000)
    sys.set_int_max_str_digits(0)
    sys.argv.append("mine")
    os.environ["MINE"] = "mine"
    os.chdir("/tmp")
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger("mine").addHandler(logging.NullHandler())
    gc.set_threshold(7)
    gc.callbacks.append(lambda *arguments: None)
    gc.disable()
    decimal.getcontext().prec = 3
    warnings.simplefilter("error")
    sys.excepthook = lambda *error: None
    sys.setprofile(lambda *event: None)
    atexit.register(lambda: None)
    memory.execute("insert into t values (1)")
    variable.set("mine")
    signal.signal(signal.SIGINT, lambda *arguments: None)
    asyncio.set_event_loop(asyncio.new_event_loop())
    for _ in range(20):
        os.open("/mine", os.O_RDONLY)
    sys.stdout = open("/tmp/stdout", "w", encoding="utf-16")
    re.compile("mine")
    tempfile.mkstemp()
    random.random = lambda: 4
    collections.Counter = dict
    builtins.mine = "mine"
    json.dumps = lambda *values: "patched"
    os.getcwd = lambda: "/patched"
    builtins.len = lambda value: 0


def faasm_main():
    changed = found()
    change()
    return ", ".join(changed)


def look():
    """Changes nothing."""
    return ", ".join(found())


def draw():
    """What no other call may get: from generators of this call, and of the library's own."""
    drawn = [random.random(), uuid.uuid4(), secrets.token_hex(), os.urandom(8).hex()]
    drawn += [random.gauss(0, 1), random.SystemRandom().random(), tempfile.mktemp()]
    return " ".join(map(str, drawn))


def change_and_view():
    """A view is memory of the state, which is another call's, too."""
    view = pyfaasm.state_view("viewed", 100_000)
    view[:4] = b"mine"
    change()


def viewed():
    return bytes(pyfaasm.state_view("viewed", 100_000)[:4])


def change_and_fail():
    change()
    raise ValueError("changed and failed")


def change_and_exit():
    change()
    sys.exit(3)


def change_and_spin():
    change()
    while True:
        pass


def change_and_exhaust():
    change()
    return bytearray(1 << 30)
