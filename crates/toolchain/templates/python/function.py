"""Greets whoever the input names.

What stands at the top level runs once, when the file is uploaded; `faasm_main` runs once for
every call. It returns None or 0 for success, another number for failure, or the output.
"""


def faasm_main(input: bytes) -> None:
    name = input.decode() or "world"
    print(f"Hello, {name}!")
