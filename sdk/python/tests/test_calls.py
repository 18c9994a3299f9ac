"""Input, output, results and chaining, as `pyfaasm.testing` runs them."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from pyfaasm import core, testing  # noqa: E402


def module(source: str):
    """A function's module from its source."""
    made = type(sys)("function")
    exec(source, made.__dict__)
    return made


class Results(unittest.TestCase):
    def test_what_is_returned_is_status_or_output(self):
        cases = [
            ("None", 0, b""),
            ("7", 7, b""),
            ("True", 1, b""),
            ("b'raw'", 0, b"raw"),
            ("bytearray(b'raw')", 0, b"raw"),
            ("'é'", 0, "é".encode()),
        ]
        for value, status, output in cases:
            result = testing.run(module(f"def faasm_main(): return {value}"))
            self.assertEqual((result.status, result.output), (status, output), value)

    def test_another_type_is_an_error_that_names_it(self):
        for value, message in [
            ("[1]", "returned a list"),
            ("object()", "returned an object"),
            ("2**31", "no status"),
        ]:
            result = testing.run(module(f"def faasm_main(): return {value}"))
            self.assertEqual(result.status, 1)
            self.assertIn(message, str(result.exception))

    def test_an_exception_is_status_1_and_a_traceback(self):
        result = testing.run(module("def faasm_main(): raise ValueError('no')"))
        self.assertEqual(result.status, 1)
        self.assertIn("ValueError: no", result.stderr)

    def test_exit_gives_the_status(self):
        for code, status in [("", 0), ("3", 3), ("'why'", 1)]:
            result = testing.run(module(f"import sys\ndef faasm_main(): sys.exit({code})"))
            self.assertEqual(result.status, status, code)

    def test_an_entry_may_take_the_input_and_may_be_a_coroutine(self):
        cases = [
            "def f(data): return data",
            "def f(*data): return data[0]",
            "async def f(data): return data",
            "class F:\n def __call__(self, data): return data\nf = F()",
        ]
        for source in cases:
            self.assertEqual(testing.run(module(source), b"in", "f").output, b"in", source)
        self.assertIsInstance(
            testing.run(module("def f(a, b): pass"), entry="f").exception, TypeError
        )
        self.assertIsInstance(testing.run(module(""), entry="f").exception, LookupError)

    def test_what_is_printed_is_kept(self):
        self.assertEqual(testing.run(module("def faasm_main(): print('hi')")).stdout, "hi\n")


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_folder_is_run_as_an_uploaded_tree(self):
        (self.folder / "other.py").write_text("NAME = 'other'")
        (self.folder / "function.py").write_text(
            "import other\ndef faasm_main(): return other.NAME"
        )
        self.addCleanup(sys.modules.pop, "other", None)
        self.assertEqual(testing.run(self.folder).output, b"other")

    def test_the_host_is_not_there_while_a_file_is_imported(self):
        source = "import pyfaasm\nv = pyfaasm.read_input()\ndef faasm_main(): return v"
        file = self.folder / "early.py"
        file.write_text(source)
        self.assertIsInstance(testing.run(file, b"x").exception, RuntimeError)
        file.write_text("# faasm: no-snapshot\n" + source)
        self.assertEqual(testing.run(file, b"x").output, b"x")


class Chaining(unittest.TestCase):
    SOURCE = """
import pyfaasm.core as core
def double(data): return data * 2
def fails(): raise ValueError
def faasm_main():
    calls = [core.chain(double, b"a"), core.chain("double", b"b"), core.chain(fails)]
    core.set_output(repr([core.await_call_output(c) for c in calls + calls[:1]]))
"""

    def test_entries_of_the_same_file_give_status_and_output(self):
        result = testing.run(module(self.SOURCE))
        self.assertEqual(result.output, b"[(0, b'aa'), (0, b'bb'), (1, b''), (0, b'aa')]")

    def test_functions_are_chained_by_name(self):
        source = """
import pyfaasm
def faasm_main():
    return repr([pyfaasm.await_call(pyfaasm.chain_name(n)) for n in ("there", "not")])
"""
        world = testing.World({"there": module("def faasm_main(): return 5")})
        self.assertEqual(world.run(module(source)).output, b"[5, -1]")

    def test_what_nobody_waits_for_runs_all_the_same(self):
        source = """
import pyfaasm
def later(): pyfaasm.write_state("k", "done")
def faasm_main(): pyfaasm.chain(later)
"""
        world = testing.World()
        world.run(module(source))
        self.assertEqual(world.state["k"], b"done")

    def test_handles_and_names_are_checked(self):
        for call in [
            "await_call(1)",
            "await_call_output('x')",
            "chain_name('')",
            "chain('x' * 200)",
            "chain('not a name')",
        ]:
            result = testing.run(
                module(f"from pyfaasm.core import *\ndef faasm_main(): {call}")
            )
            self.assertEqual(type(result.exception).__name__, "CallError", call)


    def test_only_what_the_file_has_under_its_name_is_chained(self):
        source = """
import functools
from pyfaasm import chain
def other(): pass
def hidden(): return 1
taken, alias = hidden, other
def hidden(): return 2
def local():
    def inner(): pass
    return inner
class Thing:
    def method(self): pass
@functools.cache
def wrapped(): return b"wrapped"
def faasm_main(): return str(chain({}))
"""
        for callee in ["other", "alias", "wrapped", "'anything'"]:
            result = testing.run(module(source.format(callee)))
            self.assertEqual(result.output, b"1", callee)
        for callee in [
            "lambda: 0",
            "local()",
            "taken",
            "Thing().method",
            "functools.partial(other)",
            "print",
            "3",
        ]:
            result = testing.run(module(source.format(callee)))
            self.assertIsInstance(result.exception, TypeError, callee)
            self.assertIn("by its name as text", str(result.exception), callee)

class Names(unittest.TestCase):
    def test_both_generations_are_there(self):
        names = """
            get_input set_output get_state get_state_size get_state_offset set_state
            set_state_offset chain_this_with_input read_input get_input_len write_output
            read_state read_state_size read_state_offset write_state write_state_offset chain
            push_state push_state_partial pull_state await_call await_call_output chain_name
            append_state read_appended_state clear_appended_state
        """
        for name in names.split():
            self.assertTrue(callable(getattr(core, name)), name)
            self.assertIn(name, core.__all__)
            self.assertTrue(getattr(core, name).__doc__, name)


if __name__ == "__main__":
    unittest.main()
