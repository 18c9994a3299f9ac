"""What goes wrong, as exceptions: the server would end the call instead."""


class CallError(ValueError):
    """A handle that no chaining function of this call returned, or a name that none can have."""


class StateError(ValueError):
    """A key that none can have, or a range that does not lie in the value."""
