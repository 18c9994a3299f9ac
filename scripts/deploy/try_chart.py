"""Starts on this machine what the chart starts in a cluster: its Redis with its settings, the upload
server and two workers with the very environment of their pods, each at a loopback address of its own.
Stores a function, calls it on one worker, asks the other how an asynchronous call went, and stops
everything in order.

    try_chart.py FAASM MANIFESTS.yaml

Needs redis-server.
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

HELLO = Path(__file__).with_name("hello.wat").read_bytes()


class Cluster:
    def __init__(self, faasm, manifests, work):
        self.faasm, self.work, self.pods = faasm, work, []
        documents = [d for d in yaml.safe_load_all(Path(manifests).read_text()) if d]
        self.of = {(d["kind"], d["metadata"]["name"]): d for d in documents}
        # Addresses that no other run on this machine has.
        net = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}"
        self.addresses = {part: f"{net}.{n}" for n, part in enumerate(("redis", "upload", "worker", "worker-2"), 1)}

    def named(self, kind, part):
        """The document of a kind that belongs to a part, such as its deployment."""
        label = "app.kubernetes.io/component"
        found = [d for (k, _), d in self.of.items() if k == kind and d["metadata"]["labels"][label] == part]
        assert len(found) == 1, f"{len(found)} {kind}s are of {part}"
        return found[0]

    def secret(self, name, key):
        return self.of["Secret", name]["stringData"][key]

    def environment(self, container, address, directory):
        """What the container's process would see, with places of this machine."""
        values = {}
        for entry in container["env"]:
            source = entry.get("valueFrom", {})
            if "secretKeyRef" in source:
                value = self.secret(source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])
            else:
                value = address if "fieldRef" in source else entry["value"]
            for name, known in values.items():
                value = value.replace(f"$({name})", known)
            for kind, name in self.of:
                if kind == "Service":
                    part = self.of[kind, name]["spec"]["selector"]["app.kubernetes.io/component"]
                    value = value.replace(f"{name}:", f"{self.addresses[part]}:")
            values[entry["name"]] = value.replace("0.0.0.0", address)
        settings = directory / "faasm.toml"
        settings.write_text(self.named("ConfigMap", "settings")["data"]["faasm.toml"])
        return values | {"FAASM_DATA_DIR": str(directory / "data"), "FAASM_CONFIG": str(settings)}

    def spawn(self, part, command, **options):
        log = open(self.work / f"{part}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        self.pods.append((part, process))
        return process

    def start_redis(self):
        stateful = self.named("StatefulSet", "redis")["spec"]["template"]["spec"]
        name = next(v["secret"]["secretName"] for v in stateful["volumes"] if "secret" in v)
        settings = self.secret(name, "redis.conf").replace("dir /data", f"dir {self.work}")
        (self.work / "redis.conf").write_text(settings)
        self.spawn("redis", ["redis-server", str(self.work / "redis.conf"), "--bind", self.addresses["redis"]])
        wait("redis", lambda: socket.create_connection((self.addresses["redis"], 6379)).close())

    def start(self, part, name=None):
        """A pod of a deployment; returns a function that makes requests to it."""
        name = name or part
        (container,) = self.named("Deployment", part)["spec"]["template"]["spec"]["containers"]
        directory = self.work / name
        directory.mkdir()
        environment = self.environment(container, self.addresses[name], directory)
        process = self.spawn(name, [self.faasm, *container["args"]], env=environment)
        (port,) = [p["containerPort"] for p in container["ports"] if p["name"] == "http"]

        def request(method, path, body=b"", token=""):
            connection = http.client.HTTPConnection(self.addresses[name], port, timeout=60)
            connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            return response.status, response.read().decode()

        ready = container["readinessProbe"]["httpGet"]["path"]
        wait(name, lambda: expect(request("GET", ready), 200), lambda: process.poll() is None)
        return request

    def stop(self, name):
        process = dict(self.pods)[name]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, f"{name} ended with {process.returncode}"

    def clean_up(self):
        for _, process in self.pods:
            if process.poll() is None:
                process.kill()
                process.wait()


def wait(name, attempt, alive=lambda: True):
    end = time.monotonic() + 60
    while time.monotonic() < end and alive():
        try:
            return attempt()
        except (OSError, AssertionError):
            time.sleep(0.1)
    raise AssertionError(f"{name} is not ready")


def expect(answer, status, text=None):
    assert answer[0] == status and text in (None, answer[1]), f"{answer} instead of {status} {text or ''}"
    return answer[1]


def follow(cluster):
    cluster.start_redis()
    upload, one, two = cluster.start("upload"), cluster.start("worker"), cluster.start("worker", "worker-2")
    environment = cluster.named("Deployment", "upload")["spec"]["template"]["spec"]["containers"][0]["env"]
    (reference,) = [e["valueFrom"]["secretKeyRef"] for e in environment if e["name"] == "FAASM_ADMIN_TOKEN"]
    token = cluster.secret(reference["name"], reference["key"])
    expect(upload("GET", "/f"), 401)
    expect(upload("PUT", "/f/demo/hello", HELLO, token), 200)
    expect(one("POST", "/invoke/demo/hello", token=token), 200, "hello")
    call = expect(one("POST", "/invoke/demo/hello?async=true", token=token), 202)
    status = json.dumps({"status": True, "id": int(call), "wait_ms": 30000})
    expect(two("POST", "/", status, token), 200, "SUCCESS: hello")
    cluster.stop("worker")
    expect(two("POST", "/invoke/demo/hello", token=token), 200, "hello")
    for name in ("worker-2", "upload", "redis"):
        cluster.stop(name)


def main(faasm, manifests):
    with tempfile.TemporaryDirectory() as work:
        cluster = Cluster(os.path.realpath(faasm), manifests, Path(work))
        try:
            follow(cluster)
        except AssertionError as error:
            logs = [f"--- {log.name}\n{log.read_text()[-4000:]}" for log in Path(work).glob("*.log")]
            sys.exit("\n".join([f"the chart's cluster: {error}", *logs]))
        finally:
            cluster.clean_up()


main(*sys.argv[1:])
