"""The functions of `pyfaasm` under both generations of names of Faasm's package, so that
functions written for it run unchanged."""

from pyfaasm import *  # noqa: F403
from pyfaasm import __all__ as _newer
from pyfaasm.calls import chain, read_input, write_output
from pyfaasm.state import (
    read_state,
    read_state_offset,
    read_state_size,
    write_state,
    write_state_offset,
)

get_input = read_input
set_output = write_output
get_state = read_state
get_state_size = read_state_size
get_state_offset = read_state_offset
set_state = write_state
set_state_offset = write_state_offset
chain_this_with_input = chain

__all__ = [
    *_newer,
    "chain_this_with_input",
    "get_input",
    "get_state",
    "get_state_offset",
    "get_state_size",
    "set_output",
    "set_state",
    "set_state_offset",
]
