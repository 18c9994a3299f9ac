"""What functions cannot do fails with an error that says so, instead of what the system
below happens to answer; and what needs it only by habit works without."""

import errno
import sys

# Modules that cannot work here, and what for. Those that exist are refused too: importing
# them would succeed and mislead.
REFUSED = {
    "_ctypes": "load native libraries",
    "_multiprocessing": "start processes",
    "_posixsubprocess": "start processes",
    "_ssl": "open network connections",
    "multiprocessing.popen_fork": "start processes",
    "multiprocessing.popen_forkserver": "start processes",
    "multiprocessing.popen_spawn_posix": "start processes",
}

# What `os` has elsewhere, and programs look for.
PROCESSES = frozenset(
    """execl execle execlp execlpe execv execve execvp execvpe fork forkpty kill killpg
    posix_spawn posix_spawnp spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe
    wait wait3 wait4 waitid waitpid""".split()
)


class _Refuser:
    """A finder that is asked first."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Refuses what is listed."""
        if name in REFUSED:
            raise ModuleNotFoundError(f"functions cannot {REFUSED[name]} ({name})", name=name)


def _refuse_threads(*arguments, **keywords):
    raise RuntimeError("functions cannot start threads")


def _refuse_processes(*arguments, **keywords):
    raise OSError(errno.ENOTSUP, "functions cannot start processes")


def _missing_in_os(name):
    """Says more than that there is no such attribute; for `hasattr` there is none."""
    if name in PROCESSES:
        raise AttributeError(f"functions cannot start processes (os.{name})", name=name)
    raise AttributeError(f"module 'os' has no attribute '{name}'", name=name)


def _refuse_sockets(*arguments, **keywords):
    raise OSError(errno.ENOTSUP, "functions cannot open network connections")


def _nothing(*arguments, **keywords):
    pass


def install() -> None:
    """Once, before the memory image is taken."""
    import _thread
    import asyncio.selector_events
    import os
    import socket
    import subprocess
    import threading

    sys.meta_path.insert(0, _Refuser)

    for module in (_thread, threading):
        for name in "start_new_thread", "start_new", "start_joinable_thread":
            for attribute in name, "_" + name:
                if hasattr(module, attribute):
                    setattr(module, attribute, _refuse_threads)

    subprocess.Popen.__init__ = _refuse_processes
    # An object whose making failed has no process to warn about.
    subprocess.Popen.__del__ = _nothing
    os.system = _refuse_processes
    os.__getattr__ = _missing_in_os

    socket.socket.__init__ = _refuse_sockets
    for name in "getaddrinfo", "gethostbyname", "socketpair", "create_server":
        setattr(socket, name, _refuse_sockets)

    # The loop wakes itself by a socket when another thread calls it: there is none.
    loop = asyncio.selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = loop._close_self_pipe = loop._write_to_self = _nothing
