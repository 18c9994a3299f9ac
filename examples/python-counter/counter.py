"""A counter in shared state. Every call adds one to it and prints the new count; however many
calls run at a time, each gets a number of its own.

    faasm invoke --python demo counter       prints 1, then 2, then 3 …
"""

import struct

import pyfaasm

KEY = "counter"
NUMBER = struct.Struct("<q")


def faasm_main() -> None:
    # Zero when it was never written. All calls on this server see these same bytes.
    counter = pyfaasm.state_view(KEY, NUMBER.size)

    # Adding is three steps (load, add, store): the lock keeps others from coming between.
    with pyfaasm.write_lock(KEY):
        (count,) = NUMBER.unpack(counter)
        count += 1
        NUMBER.pack_into(counter, 0, count)
    print(count)
