"""Modules of the standard library, each doing what it is for. A function `uses_…` returns or
asserts what is the same everywhere."""

import sys


def uses_json():
    import json

    text = json.dumps({"é": [1, 2.5, None, True], "n": {"m": "\n"}}, sort_keys=True)
    assert text == r'{"n": {"m": "\n"}, "\u00e9": [1, 2.5, null, true]}', text
    assert json.loads(text)["é"][1] == 2.5


def uses_re():
    import re

    assert re.sub(r"(?P<a>\w+)@(\w+)", r"\2 at \g<a>", "me@home, you@work") == "home at me, work at you"
    assert [m.group() for m in re.finditer(r"(?<=-)\d+", "1-22-333")] == ["22", "333"]


def uses_math():
    import cmath
    import math

    assert math.isclose(math.gamma(5.5), 52.34277778455352) and math.comb(50, 25) == 126410606437752
    assert math.fsum([0.1] * 10) == 1.0 and math.isqrt(10**40) == 10**20
    assert abs(cmath.exp(1j * math.pi) + 1) < 1e-15
    assert repr(0.1 + 0.2) == "0.30000000000000004" and float("1e-320") > 0


def uses_datetime():
    from datetime import datetime, timedelta, timezone

    leap = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
    assert (leap + timedelta(days=366)).isoformat() == "2025-03-01T12:00:00+00:00"
    assert datetime.fromisoformat("2024-02-29T12:00:00Z") == leap
    assert leap.strftime("%a %d %b %Y %j") == "Thu 29 Feb 2024 060"
    assert datetime.strptime("29.02.24", "%d.%m.%y").toordinal() == leap.toordinal()


def uses_decimal():
    from decimal import Decimal, getcontext

    getcontext().prec = 50
    assert str(Decimal(2).sqrt()) == "1.4142135623730950488016887242096980785696718753769"
    assert Decimal("0.1") + Decimal("0.2") == Decimal("0.3")
    assert "_decimal" in sys.modules


def uses_hashlib():
    import hashlib

    known = {
        "md5": "900150983cd24fb0d6963f7d28e17f72",
        "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha3_224": "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf",
        "blake2s": "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
    }
    for name, digest in known.items():
        assert hashlib.new(name, b"abc").hexdigest() == digest, name
    assert len(hashlib.file_digest(open(__file__, "rb"), "sha512").digest()) == 64


def uses_hmac():
    import hmac

    digest = hmac.new(b"Jefe", b"what do ya want for nothing?", "sha256").hexdigest()
    assert digest == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac.compare_digest(digest, digest)


def uses_random():
    import random

    drawn = random.Random(1)
    assert [drawn.randint(1, 100) for _ in range(5)] == [18, 73, 98, 9, 33]
    assert sorted(random.sample(range(10), 10)) == list(range(10))


def uses_struct():
    import struct

    assert struct.pack("<hIq", -2, 7, 1 << 40) == b"\xfe\xff\x07\0\0\0\0\0\0\0\0\x01\0\0"
    assert struct.calcsize("P") == 4


def uses_collections():
    from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

    assert Counter("abracadabra").most_common(2) == [("a", 5), ("b", 2)]
    assert deque([1, 2, 3], maxlen=2) == deque([2, 3]) and defaultdict(list)["x"] == []
    assert namedtuple("P", "x y")(1, 2)._asdict() == OrderedDict(x=1, y=2)
    assert ChainMap({"a": 1}, {"a": 2, "b": 3})["b"] == 3


def uses_itertools():
    import functools
    import itertools
    import operator

    assert list(itertools.accumulate(range(5), operator.mul, initial=1))[1] == 0
    assert len(list(itertools.permutations(range(6)))) == 720
    assert [*itertools.batched("abcde", 2)] == [("a", "b"), ("c", "d"), ("e",)]
    assert functools.reduce(operator.xor, range(100)) == 0


def uses_csv():
    import csv
    import io

    out = io.StringIO()
    csv.writer(out).writerows([["a", 'quo"te', "x,y"], [1, "", "line\nend"]])
    assert list(csv.reader(io.StringIO(out.getvalue())))[0] == ["a", 'quo"te', "x,y"]


def uses_zlib():
    import bz2
    import gzip
    import lzma
    import zlib

    data = b"compress me, " * 10_000
    for codec in (zlib, gzip, bz2, lzma):
        packed = codec.compress(data)
        assert len(packed) < 2_000 and codec.decompress(packed) == data, codec
    assert zlib.crc32(b"abc") == 0x352441C2
    with gzip.open("/tmp/file.gz", "wt") as file:
        file.write("text")
    assert gzip.open("/tmp/file.gz", "rt").read() == "text"


def uses_sqlite3():
    import sqlite3

    for where in (":memory:", "/tmp/data.db"):
        with sqlite3.connect(where) as db:
            db.execute("create table t (n integer primary key, s text)")
            db.executemany("insert into t (s) values (?)", [(f"text {n}",) for n in range(1_000)])
            assert db.execute("select count(*), max(s) from t where s like '%9'").fetchone() == (100, "text 999")
            assert db.execute("select json_extract('{\"a\": [1, 2]}', '$.a[1]')").fetchone() == (2,)
            db.create_function("twice", 1, lambda n: 2 * n)
            assert db.execute("select sum(twice(n)) over () from t limit 1").fetchone() == (1_001_000,)
    try:
        db.execute("insert into t (n) values (1)")
        raise AssertionError
    except sqlite3.IntegrityError:
        db.rollback()
    db.close()
    assert sqlite3.connect("/tmp/data.db").execute("select count(*) from t").fetchone() == (1_000,)


def uses_pickle():
    import copy
    import pickle

    value = {"a": [1, (2, 3)], "b": {4}, "c": Plain(5)}
    value["self"] = value
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again["self"] is again and again["c"].n == 5
    assert copy.deepcopy(value)["b"] == {4}


class Plain:
    def __init__(self, n):
        self.n = n


def uses_dataclasses():
    import dataclasses
    import enum
    import typing

    class Colour(enum.Enum):
        RED = enum.auto()

    @dataclasses.dataclass(order=True, frozen=True, slots=True)
    class Point:
        x: int
        y: float = 0.5
        colour: Colour = Colour.RED

    assert dataclasses.replace(Point(1), x=2) > Point(1)
    assert typing.get_type_hints(uses_typing) == {"value": list[int], "return": None | dict[str, int]}


def uses_typing(value: list[int] = []) -> None | dict[str, int]:  # noqa: B006
    from typing import NamedTuple, Protocol, runtime_checkable

    class Pair(NamedTuple):
        a: int
        b: str = "b"

    @runtime_checkable
    class HasN(Protocol):
        n: int

    assert Pair(1).b == "b" and isinstance(Plain(1), HasN)


def uses_urllib_parse():
    from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

    assert parse_qs("a=1&a=2&b=%C3%A4") == {"a": ["1", "2"], "b": ["ä"]}
    assert urlencode({"q": "a b&c"}) == "q=a+b%26c" and quote("ä/") == "%C3%A4/"
    assert urljoin("http://h/a/b", "../c") == "http://h/c" and urlsplit("//h:80/p").port == 80


def uses_statistics():
    import fractions
    import statistics

    assert statistics.median([1, 3, 2, 4]) == 2.5 and statistics.stdev([1, 2, 3]) == 1
    assert round(statistics.NormalDist(0, 1).cdf(1.96), 6) == 0.975002
    assert sum(fractions.Fraction(1, n) for n in range(1, 11)) == fractions.Fraction(7381, 2520)


def uses_heapq():
    import bisect
    import heapq

    heap = [5, 1, 4]
    heapq.heapify(heap)
    assert [heapq.heappop(heap) for _ in range(3)] == [1, 4, 5]
    assert bisect.bisect([1, 2, 2, 3], 2) == 3


def uses_string():
    import difflib
    import string
    import textwrap
    import unicodedata

    assert string.Template("$who is ${what}").substitute(who="he", what="it") == "he is it"
    assert textwrap.fill("a bb ccc dddd", 6) == "a bb\nccc\ndddd"
    assert unicodedata.normalize("NFD", "é") == "e\u0301" and unicodedata.name("ß").startswith("LATIN")
    assert difflib.get_close_matches("appel", ["ape", "apple"])[0] == "apple"
    assert "ǆ".title() == "ǅ" and "ß".upper() == "SS" and "İ".lower() == "i̇"


def uses_logging():
    import io
    import logging

    out = io.StringIO()
    logging.basicConfig(stream=out, format="%(levelname)s %(name)s %(funcName)s %(message)s")
    logging.getLogger("a.b").warning("%d of %s", 1, "two")
    assert out.getvalue() == "WARNING a.b uses_logging 1 of two\n", out.getvalue()


def uses_pathlib():
    import glob
    import os
    import shutil
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "a/b").mkdir(parents=True)
        (root / "a/b/c.txt").write_text("text ä")
        (root / "a/d.txt").write_bytes(b"\0")
        assert [p.name for p in sorted(root.rglob("*.txt"))] == ["c.txt", "d.txt"]
        assert (root / "a/b/c.txt").stat().st_size == 7
        shutil.copytree(root / "a", root / "copy")
        os.replace(root / "copy/d.txt", root / "e")
        assert len(glob.glob(f"{name}/**", recursive=True)) == 9
        with tempfile.NamedTemporaryFile(dir=name) as file:
            file.write(b"x")
        shutil.make_archive(f"{name}/packed", "zip", root / "a")
    assert not root.exists()


def uses_asyncio():
    import asyncio

    async def producer(queue):
        for n in range(5):
            await queue.put(n)
            await asyncio.sleep(0)
        await queue.put(None)

    async def main():
        queue = asyncio.Queue(2)
        async with asyncio.TaskGroup() as group:
            group.create_task(producer(queue))
            consumer = group.create_task(consume(queue))
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
            raise AssertionError
        except TimeoutError:
            return consumer.result()

    async def consume(queue):
        seen = []
        while (n := await queue.get()) is not None:
            seen.append(n)
        return seen

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def uses_uuid():
    import secrets
    import uuid

    assert str(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org")) == "aad03681-8b63-5304-89e0-8ca8f49461b5"
    assert uuid.uuid4().version == 4 and uuid.uuid1().version == 1
    assert len(secrets.token_urlsafe(16)) == 22


def all_uses():
    return "\n".join(name for name in globals() if name.startswith("uses_"))
