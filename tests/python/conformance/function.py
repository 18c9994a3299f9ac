"""Runs modules of CPython's tests inside a Faaslet. The input is JSON: the `module`, and the ids
of tests to `skip`. The output is JSON, too: how many tests `ran`, and why which of them `failed`
or were `skipped`. Each test's id goes to stderr before it runs, so that one which ends the call
is known."""

import json
import os
import sys
import types
import unittest

from test import support


class Report(unittest.TestResult):
    """What happened to each test, subtests counted as part of theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[str, str] = {}
        self.left_out: dict[str, str] = {}

    def startTest(self, test) -> None:
        super().startTest(test)
        os.write(2, f"{test.id()}\n".encode())

    def addFailure(self, test, err) -> None:
        self.failed[test.id()] = self._exc_info_to_string(err, test)

    addError = addFailure

    def addSubTest(self, test, subtest, err) -> None:
        if err is not None:
            self.failed.setdefault(test.id(), self._exc_info_to_string(err, test))

    def addUnexpectedSuccess(self, test) -> None:
        self.failed[test.id()] = "AssertionError: it passes, and CPython expects that it fails"

    def addSkip(self, test, reason) -> None:
        self.left_out[test.id()] = reason


def without(suite, skip: set[str]) -> unittest.TestSuite:
    """The tests of `suite` that are not to be skipped."""
    kept = suite.__class__()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(test, skip))
        elif test.id() not in skip:
            kept.addTest(test)
    return kept


class NotHere(types.ModuleType):
    """A module of CPython's tests that is written in C: what uses it is skipped."""

    def __getattr__(self, name: str):
        raise unittest.SkipTest(f"needs the module {self.__name__}")


def admit(module: str) -> None:
    """Lets run what CPython leaves out as a whole, though only some of its tests cannot work."""
    if module == "test.test_bytes":
        sys.modules["_testlimitedcapi"] = NotHere("_testlimitedcapi")
    skip = support.requires_working_socket
    support.requires_working_socket = lambda *, module=False: None if module else skip()


def faasm_main(request: bytes) -> str:
    wanted = json.loads(request)
    # As CPython's own runner does: what `-u` would switch on is not asked for.
    support.use_resources = {}
    sys.argv = ["python"]
    report = Report()
    admit(wanted["module"])
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(wanted["module"])
    except unittest.SkipTest as skipped:
        return json.dumps({"ran": 0, "failed": {}, "skipped": {wanted["module"]: str(skipped)}})
    without(suite, set(wanted["skip"])).run(report)
    return json.dumps(
        {"ran": report.testsRun, "failed": report.failed, "skipped": report.left_out}
    )
