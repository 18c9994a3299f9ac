"""Recursion of every kind, which ends with an exception."""

import copy
import json
import pickle
import re
import sys


def nested_list(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


class Deep:
    """Its methods call themselves through the interpreter's C code."""

    def __init__(self, inner=None):
        self.inner = inner

    def __repr__(self):
        return repr(self)

    def __eq__(self, other):
        return self == other

    def __hash__(self):
        return hash(self)

    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __call__(self):
        return self()

    def __lt__(self, other):
        return sorted([self, other]) == []

    def __add__(self, other):
        return sum([self, other], self)

    def __iter__(self):
        return iter(self)

    def __bool__(self):
        return not self

    def __len__(self):
        return len(self)


def plain():
    return plain() + 1


def mutual():
    return other_half()


def other_half():
    return mutual()


def with_lambda():
    f = lambda: f()  # noqa: E731
    return f()


def with_generator():
    yield from with_generator()


def through_map():
    return list(map(lambda _: through_map(), [1]))


def through_sorted():
    return sorted([1, 2], key=lambda _: through_sorted())


def through_sub():
    return re.sub("x", lambda _: through_sub(), "x")


def through_exec():
    exec("through_exec()")


def through_class():
    class Inner:
        value = through_class()


def through_property():
    class Inner:
        @property
        def value(self):
            return self.value

    return Inner().value


def through_descriptors():
    class Meta(type):
        def __instancecheck__(cls, instance):
            return isinstance(instance, cls)

    class Inner(metaclass=Meta):
        pass

    return isinstance(1, Inner)


def through_import():
    import functools

    @functools.lru_cache
    def f(n):
        return f(n + 1)

    return f(0)


def through_partial():
    import functools

    f = lambda: functools.partial(f)()  # noqa: E731
    return f()


def through_context():
    import contextlib

    @contextlib.contextmanager
    def inner():
        with inner():
            yield

    with inner():
        pass


def through_except():
    try:
        return through_except()
    except ZeroDivisionError:
        return 0
    finally:
        pass


def default(value=1):
    return default() + 1


def one_default(value, more=1):
    return one_default(value) + 1


def any_number(*values):
    return any_number(1) + 1


def any_names(**values):
    return any_names(value=1) + 1


def by_keyword(*, value=1):
    return by_keyword() + 1


def everything(first, *more, last=1, **names):
    return everything(first, *more, last=last, **names)


def with_loop(*values):
    for value in with_loop():
        yield value


def with_comprehension(value=1):
    return [with_comprehension() for _ in range(1)]


def with_finally(value=1):
    try:
        return with_finally()
    finally:
        sum([])


def with_except(value=1):
    try:
        return with_except()
    except RecursionError:
        raise


def with_closure(value=0):
    def inner(more=1):
        return with_closure(value + more)

    return inner()


async def with_coroutine(value=1):
    return await with_coroutine()


def run_coroutine():
    import asyncio

    return asyncio.run(with_coroutine())


class Methods:
    """Calls itself by everything that is called with a name."""

    def __init__(self, value=None):
        if value:
            Methods(value)

    def plain(self):
        return self.plain() + 1

    def default(self, value=1):
        return self.default() + 1

    @classmethod
    def of_class(cls, value=1):
        return cls.of_class() + 1

    @staticmethod
    def static(value=1):
        return Methods.static() + 1

    def __getitem__(self, key):
        return self[key]

    def __contains__(self, key):
        return key in self

    def __setattr__(self, name, value):
        self.name = value

    def __format__(self, how):
        return f"{self}"

    def __enter__(self):
        with self:
            pass

    def __exit__(self, *error):
        pass


class Made:
    def __new__(cls, value=1):
        return Made()


class Descriptor:
    def __get__(self, instance, owner=None):
        return instance.value


class Described:
    value = Descriptor()


def bound():
    method = Methods().default
    Methods.default = lambda self, value=1: method() + 1
    return Methods().default()


RECURSIONS = {
    "plain": plain,
    "default": default,
    "one default": lambda: one_default(1),
    "any number": any_number,
    "any names": any_names,
    "by keyword": by_keyword,
    "everything": lambda: everything(1, 2, 3, name=4),
    "loop": lambda: list(with_loop()),
    "comprehension": with_comprehension,
    "finally": with_finally,
    "except": with_except,
    "closure": with_closure,
    "coroutine": run_coroutine,
    "method": lambda: Methods().plain(),
    "method default": lambda: Methods().default(),
    "class method": Methods.of_class,
    "static method": Methods.static,
    "init": lambda: Methods(1),
    "new": Made,
    "getitem": lambda: Methods()[1],
    "contains": lambda: 1 in Methods(),
    "setattr": lambda: setattr(Methods(), "name", 1),
    "format": lambda: f"{Methods()}",
    "with": lambda: Methods().__enter__(),
    "descriptor": lambda: Described().value,
    "bound": bound,
    "mutual": mutual,
    "lambda": with_lambda,
    "generator": lambda: list(with_generator()),
    "map": through_map,
    "sorted": through_sorted,
    "sub": through_sub,
    "exec": through_exec,
    "class": through_class,
    "property": through_property,
    "instancecheck": through_descriptors,
    "lru_cache": through_import,
    "partial": through_partial,
    "context manager": through_context,
    "try": through_except,
    "repr": lambda: repr(Deep()),
    "eq": lambda: Deep() == Deep(),
    "hash": lambda: hash(Deep()),
    "getattr": lambda: Deep().missing,
    "call": lambda: Deep()(),
    "lt": lambda: Deep() < Deep(),
    "add": lambda: Deep() + Deep(),
    "iter": lambda: list(Deep()),
    "bool": lambda: bool(Deep()),
    "len": lambda: len(Deep()),
    "json dumps": lambda: json.dumps(nested_list(100_000)),
    "json loads": lambda: json.loads("[" * 100_000),
    "json loads objects": lambda: json.loads('{"a":' * 100_000),
    "json python": lambda: json.dumps(nested_list(100_000), indent=1),
    "pickle": lambda: pickle.dumps(nested_list(100_000)),
    "pickle python": lambda: pickle._dumps(nested_list(100_000)),
    "deepcopy": lambda: copy.deepcopy(nested_list(100_000)),
    "repr of lists": lambda: repr(nested_list(100_000)),
    "str of dicts": lambda: str(nested_dict(100_000)),
    "eq of lists": lambda: nested_list(100_000) == nested_list(100_000),
    "eq of dicts": lambda: nested_dict(100_000) == nested_dict(100_000),
    "lt of tuples": lambda: nested_tuple(100_000) < nested_tuple(100_000),
    "compile parentheses": lambda: compile("(" * 100_000, "text", "eval"),
    "compile additions": lambda: compile("+" * 100_000 + "1", "text", "eval"),
    "compile attributes": lambda: compile("a" + ".b" * 100_000, "text", "eval"),
    "compile calls": lambda: compile("a" + "()" * 100_000, "text", "eval"),
    "compile lists": lambda: compile("[" * 150 + "]" * 150, "text", "eval"),
    "compile nested ifs": lambda: compile(nested_ifs(90), "text", "exec"),
    "compile lambdas": lambda: compile("lambda:" * 100_000 + "1", "text", "eval"),
    "compile powers": lambda: compile("1" + "**1" * 100_000, "text", "eval"),
    "compile elifs": lambda: compile("if a: pass\n" + "elif a: pass\n" * 100_000, "text", "exec"),
    "literal_eval": lambda: __import__("ast").literal_eval("-" * 100_000 + "1"),
    "regular expression": lambda: re.compile("(" * 100_000 + ")" * 100_000),
    "regular groups": lambda: re.match(r"(?:(a)|b)*", "ab" * 1_000_000),
    "marshal": lambda: __import__("marshal").dumps(nested_list(100_000)),
    "marshal loads": lambda: __import__("marshal").loads(b"[\x01\0\0\0" * 100_000),
    "isinstance of tuples": lambda: isinstance(1, nested_tuple(100_000)),
    "exception causes": lambda: chained(50_000),
    "exception groups": lambda: grouped(5_000),
    "generics": lambda: repr(nested_generic(50_000)),
    "ordered dicts": lambda: repr(nested_ordered(50_000)),
    "memoryviews": lambda: nested_view(100_000),
    "deallocation": lambda: len(nested_list(1_000_000)),
    "deallocation of objects": lambda: id(linked(300_000)),
    "deallocation of tracebacks": lambda: linked_tracebacks(),
    "expressions of SQL": lambda: sql(100_000),
    "XML": lambda: __import__("xml.etree.ElementTree").etree.ElementTree.fromstring("<a>" * 100_000),
    }

# CPython has no bound for these: elsewhere they end the process.
UNBOUNDED = {
    "hash of tuples": lambda: hash(nested_tuple(100_000)),
    "partials": lambda: nested_partial(100_000)(),
    "bound methods": lambda: nested_property(100_000),
    "iterators": lambda: list(nested_iterator(100_000)),
    "zips": lambda: next(nested_zip(100_000)),
    "default dicts": lambda: repr(nested_default(50_000)),
    "deques": lambda: repr(nested_deque(50_000)),
}


def nested_dict(depth):
    value = {}
    for _ in range(depth):
        value = {1: value}
    return value


def nested_tuple(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


def nested_ifs(depth):
    return "".join(" " * n + "if a:\n" for n in range(depth)) + " " * depth + "pass\n"


def chained(depth):
    error = ValueError("last")
    for _ in range(depth):
        outer = ValueError("outer")
        outer.__cause__ = error
        error = outer
    raise error


def grouped(depth):
    error = ValueError("inner")
    for _ in range(depth):
        error = ExceptionGroup("outer", [error])
    raise error


def nested_generic(depth):
    value = list[int]
    for _ in range(depth):
        value = list[value]
    return value


def nested_partial(depth):
    import functools

    value = int
    for _ in range(depth):
        value = functools.partial(value)
        value.mine = 1
    return value


def nested_property(depth):
    value = int
    for _ in range(depth):
        value = classmethod(value)
    return value.__get__(None, int)


def nested_iterator(depth):
    import itertools

    value = iter([1])
    for _ in range(depth):
        value = itertools.chain(value)
    return value


def nested_zip(depth):
    value = iter([1])
    for _ in range(depth):
        value = zip(value)
    return value


def nested_default(depth):
    import collections

    value = None
    for _ in range(depth):
        value = collections.defaultdict(None, {1: value})
    return value


def nested_ordered(depth):
    import collections

    value = None
    for _ in range(depth):
        value = collections.OrderedDict({1: value})
    return value


def nested_deque(depth):
    import collections

    value = None
    for _ in range(depth):
        value = collections.deque([value])
    return value


def nested_view(depth):
    value = memoryview(b"x")
    for _ in range(depth):
        value = memoryview(value)
    return value


def linked(depth):
    class Node:
        pass

    node = None
    for _ in range(depth):
        outer = Node()
        outer.inner = node
        node = outer
    return node


def linked_tracebacks():
    error = None
    for _ in range(100_000):
        try:
            raise ValueError from error
        except ValueError as caught:
            error = caught
    return None


def sql(depth):
    import sqlite3

    return sqlite3.connect(":memory:").execute("select " + "(" * depth + "1" + ")" * depth)


def recurse(data):
    """Runs one; what came of it, which is nothing worse than an exception."""
    name, _, limit = data.decode().partition("@")
    if limit:
        sys.setrecursionlimit(int(limit))
    try:
        (RECURSIONS | UNBOUNDED)[name]()
    except Exception as error:
        return type(error).__name__
    return "fine"


def uncaught(data):
    """One that nobody catches, after the limit is set if that is what is given."""
    if data.isdigit():
        sys.setrecursionlimit(int(data))
        data = b"plain"
    return RECURSIONS[data.decode()]()


def huge_message():
    raise ValueError("x" * 10_000_000)


def huge_group():
    raise ExceptionGroup("many", [ValueError("x" * 1000) for _ in range(5_000)])


def huge_cause():
    chained(5_000)


def parses_too_deep(data):
    return eval("(" * 100_000)


def calling_python():
    names = list(RECURSIONS)
    return "\n".join(names[: names.index("instancecheck")])


def bounded():
    return "\n".join(RECURSIONS)


def unbounded():
    return "\n".join(UNBOUNDED)
