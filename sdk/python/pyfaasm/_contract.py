"""How an entry point is called, and what may be returned. For the runtime and the emulation."""

import inspect
from collections.abc import Callable


def takes_input(entry: Callable) -> bool:
    """Whether `entry` is to be called with the input; TypeError if it wants still more."""
    kinds = inspect.Parameter
    try:
        parameters = inspect.signature(entry).parameters.values()
    except ValueError:
        return False  # A builtin that does not say.
    required = [
        p
        for p in parameters
        if p.default is kinds.empty and p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    ]
    wants = None
    if any(p.kind is kinds.KEYWORD_ONLY for p in required):
        wants = "needs keyword arguments"
    elif len(required) > 1:
        wants = "takes more than one argument"
    if wants:
        name = getattr(entry, "__name__", repr(entry))
        raise TypeError(f"'{name}' {wants}: it is called with none, or with the input")
    return bool(required) or any(p.kind is kinds.VAR_POSITIONAL for p in parameters)


def run_coroutine(coroutine):
    """What an `async def` entry returns."""
    import asyncio

    return asyncio.run(coroutine)
