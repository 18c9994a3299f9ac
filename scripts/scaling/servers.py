"""A Redis and faasm servers of this machine, and what they have spent."""

import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Requests that are under way together, where so many are wanted.
TOGETHER = 16
# How long anything may take to happen.
PATIENCE = 120
# A server closes a connection that is idle for 12.5 s.
FRESH = 5


class Process:
    def __init__(self, command, log, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log.open("wb"), **options)

    def seconds(self):
        """Processor time of its threads so far."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def memory(self):
        """Bytes of memory that are the process's own: without pages of files."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return sum(int(kib) for kib in re.findall(r"(?:RssAnon|RssShmem):\s+(\d+)", status)) << 10

    def kill(self):
        self.process.kill()
        self.process.wait()


class Redis(Process):
    """Appends all it is told to a file, without waiting for the disk."""

    def __init__(self, work):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", work, "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"]
        super().__init__(command, work / "redis.log", stdout=subprocess.DEVNULL)
        until(lambda: socket.create_connection(("127.0.0.1", int(self.port)), 1).close() is None)

    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def ask(self, *words):
        command = ["redis-cli", "-p", self.port, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def info(self, section):
        return dict(line.split(":", 1) for line in self.ask("info", section).splitlines() if ":" in line)

    def spent(self):
        """What it has done so far."""
        stats = self.info("stats")
        commands = self.info("commandstats").items()
        calls = {name: int(re.match(r"calls=(\d+)", text)[1]) for name, text in commands}
        return {
            "scripts": calls.get("cmdstat_evalsha", 0),
            "commands": sum(calls.values()),
            "received": int(stats["total_net_input_bytes"]),
            "sent": int(stats["total_net_output_bytes"]),
            "logged": int(self.info("persistence")["aof_current_size"]),
            "seconds": self.seconds(),
        }

    def memory(self):
        """Bytes of what it keeps, without the buffers of clients and of the log."""
        return int(self.info("memory")["used_memory_dataset"])

    def open_calls(self):
        return int(self.ask("zcard", "{faasm:calls}:open"))

    def set_seconds(self, count=50_000):
        """Processor time that a plain SET of 100 bytes takes it, over as many connections."""
        before = self.seconds()
        command = ["redis-benchmark", "-p", self.port, "-q", "-t", "set", "-d", "100", "-n", str(count)]
        subprocess.run([*command, "-c", str(TOGETHER)], check=True, capture_output=True)
        return (self.seconds() - before) / count


class Server(Process):
    """A faasm server, of a cluster if there is a Redis."""

    def __init__(self, faasm, directory, redis=None, *options):
        directory.mkdir()
        ports = ["--upload-addr", "127.0.0.1:0", "--invoke-addr", "127.0.0.1:0", "--link-addr", "127.0.0.1:0"]
        command = [faasm, "serve", "--format", "json", "--data-dir", directory / "data", "--python", "none"]
        command += ports if redis else ports[:4]
        environment = {"PATH": os.environ["PATH"]} | ({"FAASM_REDIS": redis.url()} if redis else {})
        super().__init__([*command, *options], directory / "log", stdout=subprocess.PIPE, env=environment)
        listening = json.loads(self.process.stdout.readline() or (directory / "log").read_text())
        self.upload, self.invoke = listening["upload"], listening["invoke"]
        self.connections = threading.local()

    def request(self, method, address, path, body=b""):
        """What is answered to a request, which must succeed."""
        kept = self.connections.__dict__
        connection, used = kept.get(address, (None, 0))
        if time.monotonic() - used > FRESH:
            connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read()
        kept[address] = connection, time.monotonic()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return text

    def put(self, name, module):
        self.request("PUT", self.upload, f"/f/demo/{name}", module.encode())

    def call(self, name, body=b"", query=""):
        return self.request("POST", self.invoke, f"/invoke/demo/{name}{query}", body)

    def wait_for(self, call):
        """Waits for the end of an asynchronous call, as its client does."""
        self.request("POST", self.invoke, "/", b'{"status": true, "id": %s, "wait_ms": 60000}' % call)

    def put_state(self, user, key, value):
        self.request("PUT", self.upload, f"/s/{user}/{key}", value)

    def metric(self, name):
        text = self.request("GET", self.invoke, "/metrics").decode()
        return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def until(condition):
    """Waits for what will be true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError("it takes too long")


def together(act, count):
    """Does something for each number below `count`, many at a time."""
    with ThreadPoolExecutor(TOGETHER) as threads:
        for _ in threads.map(act, range(count)):
            pass


def one_by_one(act, count):
    """Does something for each number below `count`, one after the other."""
    for number in range(count):
        act(number)
