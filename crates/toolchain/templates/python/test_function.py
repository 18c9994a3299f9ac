"""Tests the function on this machine: python3 -m unittest"""

import unittest
from pathlib import Path

from pyfaasm import testing

FUNCTION = Path(__file__).with_name("function.py")


class Greeting(unittest.TestCase):
    def test_whoever_the_input_names_is_greeted(self) -> None:
        result = testing.run(FUNCTION, b"Ada")
        self.assertEqual((result.status, result.stdout), (0, "Hello, Ada!\n"))

    def test_without_a_name_the_world_is_greeted(self) -> None:
        self.assertEqual(testing.run(FUNCTION).stdout, "Hello, world!\n")


if __name__ == "__main__":
    unittest.main()
