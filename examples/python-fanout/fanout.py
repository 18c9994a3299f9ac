"""Many calls at once: the square of every number from 1 to N, each in a call of its own, and
their answers added up. The input is N, 10 without one.

    faasm invoke --python demo fanout -i 100      the squares of 1 to 100 add up to 338350
"""

import sys

from pyfaasm import await_call_output, chain

MOST_CALLS = 100_000


def square(input: bytes) -> str:
    """Runs in a Faaslet of its own: it knows its input and nothing of the caller."""
    return str(int(input) ** 2)


def wanted_calls(input: bytes) -> int:
    """How many calls to make; 0 if the input is no such number."""
    text = input.strip() or b"10"
    count = int(text) if text.isdigit() else 0
    return count if count <= MOST_CALLS else 0


def faasm_main(input: bytes) -> int:
    count = wanted_calls(input)
    if count == 0:
        print(f"the input is the number of calls to make, 1 to {MOST_CALLS}", file=sys.stderr)
        return 1
    calls = [chain(square, str(number).encode()) for number in range(1, count + 1)]
    answers = [await_call_output(call) for call in calls]
    failed = sum(status != 0 for status, _ in answers)
    if failed:
        print(f"{failed} of {count} calls failed", file=sys.stderr)
        return 1
    total = sum(int(output) for _, output in answers)
    print(f"the squares of 1 to {count} add up to {total}")
    return 0
