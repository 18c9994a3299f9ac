"""The host interface: the server's, or the emulation of it."""

try:
    import _faasm as host
except ImportError:
    from pyfaasm import _emulation as host  # type: ignore[no-redef]

__all__ = ["host"]
