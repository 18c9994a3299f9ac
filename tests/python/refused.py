"""What functions cannot do, each way that there is to do it."""


def all_refused():
    return "\n".join(name for name in globals() if name.startswith("cannot_"))


def cannot_subprocess():
    import subprocess

    subprocess.run(["true"])


def cannot_system():
    import os

    os.system("true")


def cannot_popen():
    import os

    os.popen("true")


def cannot_fork():
    import os

    os.fork()


def cannot_exec():
    import os

    os.execv("/bin/true", ["true"])


def cannot_multiprocessing():
    import multiprocessing

    multiprocessing.Process(target=print).start()


def cannot_pool():
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor() as pool:
        pool.submit(print).result()


def cannot_thread():
    import threading

    threading.Thread(target=print).start()


def cannot_timer():
    import threading

    threading.Timer(0, print).start()


def cannot_low_level_thread():
    import _thread

    _thread.start_new_thread(print, ())


def cannot_executor():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        pool.submit(print).result()


def cannot_to_thread():
    import asyncio

    asyncio.run(asyncio.to_thread(print))


def cannot_socket():
    import socket

    socket.socket()


def cannot_connect():
    import socket

    socket.create_connection(("127.0.0.1", 80))


def cannot_resolve():
    import socket

    socket.getaddrinfo("localhost", 80)


def cannot_http():
    import http.client

    http.client.HTTPConnection("127.0.0.1").request("GET", "/")


def cannot_urlopen():
    import urllib.request

    urllib.request.urlopen("http://127.0.0.1/")


def cannot_https():
    import ssl

    ssl.create_default_context()


def cannot_stream():
    import asyncio

    asyncio.run(asyncio.open_connection("127.0.0.1", 80))


def cannot_async_subprocess():
    import asyncio

    asyncio.run(asyncio.create_subprocess_exec("true"))


def cannot_ctypes():
    import ctypes

    ctypes.CDLL("libc.so.6")
