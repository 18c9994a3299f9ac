"""More modules of the standard library, as in modules.py."""


def uses_base64():
    import base64
    import binascii
    import codecs

    assert base64.b64encode(b"\xff\xfe") == b"//4=" and base64.b85decode(b"VPaz") == b"abc"
    assert binascii.hexlify(b"az") == b"617a" and codecs.encode("a", "rot13") == "n"
    for encoding in ("utf-16", "latin-1", "cp1252", "shift_jis", "gb18030", "koi8-r", "idna"):
        assert "abc".encode(encoding).decode(encoding) == "abc", encoding


def uses_io():
    import io

    with open("/tmp/file", "w+", encoding="utf-8", newline="") as file:
        file.write("ä\r\nb")
        file.seek(0)
        assert file.readlines() == ["ä\r\n", "b"]
    assert io.BytesIO(b"abc").read1() == b"abc"


def uses_zipfile():
    import io
    import tarfile
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/b.txt", "text")
    assert zipfile.ZipFile(packed).read("a/b.txt") == b"text"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        file.addfile(tarfile.TarInfo("empty"))
    packed.seek(0)
    assert tarfile.open(fileobj=packed).getnames() == ["empty"]


def uses_xml():
    import configparser
    import html
    import html.parser
    import tomllib
    import xml.dom.minidom
    import xml.etree.ElementTree as ET

    assert ET.fromstring("<a><b c='1'>t</b></a>").find("b").get("c") == "1"
    assert xml.dom.minidom.parseString("<a/>").documentElement.tagName == "a"
    assert tomllib.loads("[a]\nb = 1979-05-27")["a"]["b"].year == 1979
    parser = configparser.ConfigParser()
    parser.read_string("[a]\nb = %(c)s\nc = d")
    assert parser["a"]["b"] == "d" and html.unescape("&auml;") == "ä"


def uses_email():
    from email import message_from_string
    from email.message import EmailMessage
    from http.cookies import SimpleCookie

    message = EmailMessage()
    message["Subject"] = "grüße"
    message.set_content("text")
    assert message_from_string(str(message)).get_content_type() == "text/plain"
    assert SimpleCookie("a=b; c=d")["c"].value == "d"


def uses_inspect():
    import ast
    import dis
    import inspect
    import io
    import traceback

    assert inspect.getsource(uses_xml).startswith("def uses_xml")
    assert ast.unparse(ast.parse("x  =  1 + 2")) == "x = 1 + 2"
    out = io.StringIO()
    dis.dis(uses_xml, file=out)
    assert "tomllib" in out.getvalue()
    try:
        1 / 0
    except ZeroDivisionError:
        assert "1 / 0" in traceback.format_exc()


def uses_unittest():
    import doctest  # noqa: F401
    import unittest
    from unittest import mock

    class Case(unittest.TestCase):
        def test_one(self):
            with mock.patch("math.pi", 3):
                import math

                self.assertEqual(math.pi, 3)

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
    assert result.wasSuccessful() and result.testsRun == 1


def uses_more():
    import argparse
    import array
    import calendar
    import contextvars
    import graphlib
    import ipaddress
    import queue
    import shelve
    import shlex
    import threading
    import time
    import timeit
    import weakref
    import zoneinfo  # noqa: F401

    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int)
    assert parser.parse_args(["-n", "3"]).n == 3 and shlex.split("a 'b c'") == ["a", "b c"]
    assert array.array("d", [1, 2]).itemsize == 8 and calendar.isleap(2024)
    assert list(graphlib.TopologicalSorter({"b": {"a"}}).static_order()) == ["a", "b"]
    assert ipaddress.ip_address("10.0.0.1") in ipaddress.ip_network("10.0.0.0/8")
    with shelve.open("/tmp/shelf") as shelf:
        shelf["a"] = [1]
    with threading.Lock(), threading.RLock():
        pass
    values = queue.Queue()
    values.put(1)
    assert values.get(timeout=1) == 1 and weakref.ref(parser)() is parser
    assert contextvars.ContextVar("v", default=1).get() == 1
    assert time.strftime("%Y", time.gmtime(0)) == "1970" and timeit.timeit("1", number=1) >= 0


def all_uses():
    return "\n".join(name for name in globals() if name.startswith("uses_"))
