"""Greets whoever the input names.

    faasm py put demo hello examples/python-hello/hello.py
    faasm invoke --python demo hello -i Ada       prints Hello, Ada!
"""


def faasm_main(input: bytes) -> None:
    name = input.decode() or "world"
    print(f"Hello, {name}!")
