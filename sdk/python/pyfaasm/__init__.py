"""What functions on faasm are written against: input and output, calling other functions,
state that functions share.

    import pyfaasm

    def faasm_main():
        pyfaasm.write_output(pyfaasm.read_input()[::-1])

All names work in the server and, on an emulation in the process, in a native Python: see
`pyfaasm.testing`. `pyfaasm.core` has the same functions under the names of Faasm's package.
"""

from pyfaasm.calls import (
    await_call,
    await_call_output,
    chain,
    chain_name,
    conf_flag,
    get_input_len,
    py_entry,
    py_func,
    py_user,
    read_input,
    write_output,
)
from pyfaasm.errors import CallError, StateError
from pyfaasm.state import (
    append_state,
    clear_appended_state,
    global_lock,
    pull_state,
    push_state,
    push_state_partial,
    push_state_partial_mask,
    read_appended_state,
    read_lock,
    read_state,
    read_state_offset,
    read_state_size,
    state_view,
    state_view_offset,
    write_lock,
    write_state,
    write_state_from_file,
    write_state_offset,
)

__version__ = "0.1.0"

__all__ = [
    "CallError",
    "StateError",
    "append_state",
    "await_call",
    "await_call_output",
    "chain",
    "chain_name",
    "clear_appended_state",
    "conf_flag",
    "get_input_len",
    "global_lock",
    "pull_state",
    "push_state",
    "push_state_partial",
    "push_state_partial_mask",
    "py_entry",
    "py_func",
    "py_user",
    "read_appended_state",
    "read_input",
    "read_lock",
    "read_state",
    "read_state_offset",
    "read_state_size",
    "state_view",
    "state_view_offset",
    "write_lock",
    "write_output",
    "write_state",
    "write_state_from_file",
    "write_state_offset",
]
