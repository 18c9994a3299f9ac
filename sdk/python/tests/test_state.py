"""State, views and locks on the emulation."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pyfaasm  # noqa: E402
from pyfaasm import _emulation  # noqa: E402


class State(unittest.TestCase):
    def setUp(self):
        _emulation.stores.append(_emulation.Store())
        self.addCleanup(_emulation.stores.pop)

    def test_what_was_never_written_is_empty_and_reads_as_zeros(self):
        self.assertEqual(pyfaasm.read_state_size("k"), 0)
        self.assertEqual(pyfaasm.read_state("k"), b"")
        self.assertEqual(pyfaasm.read_state("k", 3), b"\0\0\0")

    def test_parts_are_written_and_read(self):
        pyfaasm.write_state_offset("k", 6, 2, "ab")
        self.assertEqual(pyfaasm.read_state("k"), b"\0\0ab\0\0")
        self.assertEqual(pyfaasm.read_state_offset("k", 6, 2, 3), b"ab\0")

    def test_a_view_is_the_value(self):
        pyfaasm.write_state("k", b"abcd")
        view = pyfaasm.state_view("k")
        part = pyfaasm.state_view_offset("k", 4, 2, 2)
        view[:] = b"wxyz"
        self.assertEqual((pyfaasm.read_state("k"), bytes(part)), (b"wxyz", b"yz"))
        pyfaasm.write_state("k", b"1234")
        self.assertEqual(bytes(view), b"1234")

    def test_a_view_stays_on_a_value_that_is_replaced(self):
        view = pyfaasm.state_view("k", 2)
        pyfaasm.write_state("k", b"longer")
        view[0] = 1
        self.assertEqual(pyfaasm.read_state("k"), b"longer")

    def test_appended_elements_are_read_in_order(self):
        pyfaasm.append_state("k", b"one")
        pyfaasm.append_state("k", "two")
        self.assertEqual(pyfaasm.read_appended_state("k", 8, 2), b"onetwo\0\0")
        self.assertEqual(pyfaasm.read_appended_state("k", 3, 1), b"one")
        pyfaasm.clear_appended_state("k")
        self.assertEqual(pyfaasm.read_appended_state("k", 2, 2), b"\0\0")

    def test_locks_are_let_go_of_when_the_block_fails(self):
        for lock in pyfaasm.read_lock, pyfaasm.write_lock, pyfaasm.global_lock:
            with self.assertRaises(KeyError), lock("k"):
                raise KeyError
            with lock("k"):
                pass

    def test_a_lock_that_would_never_be_free_is_an_error(self):
        with pyfaasm.write_lock("k"), self.assertRaises(RuntimeError), pyfaasm.read_lock("k"):
            pass
        with pyfaasm.read_lock("k"), pyfaasm.read_lock("k"):
            pass

    def test_keys_and_ranges_are_checked(self):
        for wrong in ["", "a/b", "a\0b", "x" * 513]:
            with self.assertRaises(pyfaasm.StateError):
                pyfaasm.read_state(wrong)
        for total, offset, length in [(4, 2, 3), (4, -1, 2), (-1, 0, 0), (2**31, 0, 1)]:
            with self.assertRaises(pyfaasm.StateError):
                pyfaasm.state_view_offset("k", total, offset, length)


if __name__ == "__main__":
    unittest.main()
