"""What a function may be, and what it may return."""

import asyncio
import functools
import sys

import pyfaasm


def faasm_main():
    print("the default")


def nothing():
    return None


def seven():
    return 7


def negative():
    return -3


def true():
    return True


def false():
    return False


def an_object():
    return object()


def large_status():
    return 2**31


def text():
    return "text: ä€😀"


def empty():
    return b""


def binary():
    return b"\x00bytes"


def array():
    return bytearray(b"bytearray")


def view():
    return memoryview(b"xmemoryviewx")[1:-1]


def strided_view():
    return memoryview(b"a-b-c-")[::2]


def not_utf8():
    return "\ud800"


def one(data):
    return data.upper()


def optional(data=b"no input"):
    return data


def any_number(*data):
    return b",".join(data)


def annotated(data: bytes, /, times: int = 2) -> bytes:
    return data * times


def two(first, second):
    return b"never"


def keyword_only(*, data):
    return b"never"


def optional_keyword(data, *, times=3):
    return data * times


class Entry:
    def __call__(self, data):
        return b"called with " + data

    def method(self, data):
        return b"method of " + data

    @staticmethod
    def static():
        return "static"


instance = Entry()
method = instance.method
static = Entry.static
short = lambda data: data[::-1]  # noqa: E731
partial = functools.partial(annotated, b"given")
builtin = len
not_callable = 5


@functools.cache
def cached(data):
    return b"cached " + data


def decorate(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return b"decorated " + function(*arguments)

    return wrapper


@decorate
def decorated(data):
    return data


async def coroutine(data):
    first, second = await asyncio.gather(later(0.02, "second"), later(0.01, "first"))
    return f"{second} {first} {data.decode()}"


async def later(seconds, value):
    await asyncio.sleep(seconds)
    return value


async def failing_coroutine():
    await asyncio.sleep(0)
    raise LookupError("in a coroutine")


def written():
    pyfaasm.write_output(b"written, and kept")


def written_and_returned():
    pyfaasm.write_output(b"written")
    return "returned"


def written_and_failed():
    pyfaasm.write_output(b"written")
    return 3


def floating():
    return 1.5


def list_of_bytes():
    return [b"bytes"]


def generator():
    yield b"bytes"


def closes_stdout():
    print("before")
    sys.stdout.close()


def replaces_stdout():
    sys.stdout = None
    print("to nobody")


def prints_halves():
    sys.stdout.write("no end of line")
    sys.stderr.write("neither here")


def prints_bytes():
    print("first")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\xff\xfe\n")


def arguments():
    return repr(sys.argv)


def reads_stdin():
    return repr(sys.stdin.read())


def at_exit():
    import atexit

    atexit.register(print, "the end")
    print("the middle")


def names():
    return f"{__name__} {__file__} {pyfaasm.py_user()}/{pyfaasm.py_func()} {pyfaasm.py_entry()}"
