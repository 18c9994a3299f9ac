"""Runs CPython's own tests as a Python function, and compares what fails with what is expected.

    scripts/python/conformance [-v] [MODULE…]      by default all modules of MODULES

The tests are those of the source package that `scripts/python/build` unpacks. They go as one
archive to a server of their own, with raised limits, and each module runs in a call of its own.
FAASM names the program, `target/release/faasm` by default. Ends with 1 if something fails that
tests/python/conformance.toml does not list, or if something passes that it lists.
"""

import argparse
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
EXPECTED = HERE.with_suffix(".toml")

MODULES = """
    test_array test_asyncgen test_asyncio.test_base_events test_asyncio.test_context
    test_asyncio.test_eager_task_factory test_asyncio.test_futures test_asyncio.test_futures2
    test_asyncio.test_locks test_asyncio.test_pep492 test_asyncio.test_protocols
    test_asyncio.test_queues test_asyncio.test_runners test_asyncio.test_staggered
    test_asyncio.test_streams test_asyncio.test_taskgroups test_asyncio.test_tasks
    test_asyncio.test_timeouts test_asyncio.test_transports test_asyncio.test_waitfor
    test_base64 test_binascii test_bisect test_bytes test_cmath test_collections
    test_configparser test_contextlib test_contextlib_async test_copy test_coroutines test_csv
    test_dataclasses test_datetime test_decimal test_dict test_enum test_exceptions test_float
    test_format test_fractions test_functools test_generators test_gzip test_hashlib test_heapq
    test_hmac test_int test_io test_itertools test_json test_list test_logging test_math
    test_memoryview test_os test_pathlib test_pickle test_random test_re test_set test_sqlite3
    test_statistics test_str test_string test_struct test_tempfile test_textwrap test_time
    test_typing test_urlparse test_uuid test_zipfile test_zlib
""".split()

# Directories of Lib/test that no module of ours needs, to keep the archive small.
LEFT_OUT = {"__pycache__", "libregrtest", "test_email", "test_tkinter", "test_ttk", "wheeldata"}

# Tests of one module may take long; of most they take seconds.
TIME_LIMIT = "1200s"


class Failed(Exception):
    """Says what to do."""


def source_tree() -> pathlib.Path:
    """Lib of CPython's sources; has them fetched if they are not there."""
    cache = os.environ.get("FAASM_CACHE_HOME")
    if not cache:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        cache = os.path.join(home, "faasm")
    lib = pathlib.Path(cache, "python-build/source/python/Lib")
    if not (lib / "test").is_dir():
        with tempfile.TemporaryDirectory() as out:
            if subprocess.run([ROOT / "scripts/python/build", out]).returncode:
                raise Failed("CPython's sources are not there, and building the runtime failed")
    return lib


def archive(lib: pathlib.Path) -> bytes:
    """The function: our runner, and the tests as the package that they are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.write(HERE / "function.py", "function.py")
        for path in sorted((lib / "test").rglob("*")):
            if path.is_file() and not LEFT_OUT & set(path.parts):
                info = zipfile.ZipInfo(str(path.relative_to(lib)))
                info.compress_type = zipfile.ZIP_DEFLATED
                file.writestr(info, path.read_bytes())
    return packed.getvalue()


@contextlib.contextmanager
def server() -> Iterator[dict[str, str]]:
    """A server of our own: where it listens."""
    program = os.environ.get("FAASM", str(ROOT / "target/release/faasm"))
    limits = ["--max-time", TIME_LIMIT, "--max-memory", "2GiB", "--max-output", "256MiB"]
    limits += ["--max-init-time", "300s"]
    addresses = ["--upload-addr", "127.0.0.1:0", "--invoke-addr", "127.0.0.1:0", "--format", "json"]
    with tempfile.TemporaryDirectory() as directory, open(f"{directory}/log", "w+b") as log:
        command = [program, "serve", "--data-dir", f"{directory}/data", *addresses, *limits]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        try:
            line = process.stdout.readline()
            if not line:
                log.seek(0)
                raise Failed(f"the server does not start: {log.read().decode()}")
            yield json.loads(line)
        finally:
            process.kill()
            process.wait()


def request(method: str, url: str, body: bytes) -> bytes:
    """A request's answer; of a call, however it ended."""
    headers = {"accept": "application/json"}
    asked = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        text = error.read()
        # A call that has failed is an answer, too.
        if b'"status":' in text:
            return text
        raise Failed(f"{method} {url}: {error}: {text.decode()}") from error


class Conformance:
    """One run: what was found so far."""

    def __init__(self, invoke: str, expected: dict[str, dict[str, str]], verbose: bool) -> None:
        self.url = f"http://{invoke}/invoke/conformance/tests?python=true"
        self.expected = expected
        self.verbose = verbose
        self.problems: list[str] = []

    def run(self, module: str) -> str:
        """Runs a module; a line about it."""
        ended: dict[str, str] = {}
        while True:
            body = json.dumps({"module": f"test.{module}", "skip": list(ended)}).encode()
            call = json.loads(request("POST", self.url, body))
            if call["status"] == "SUCCESS":
                break
            # The test that began last has ended the call: once more without it.
            last = (call["stderr"].split() or [""])[-1]
            reason = f"it ends the call: {json.dumps(call['reason'])}"
            if last in ended or not last.startswith("test."):
                self.problems.append(f"{module}: {reason}\n{call['stderr'][-2000:]}")
                return f"{module}: {reason}"
            ended[last] = reason
        report = json.loads(call["output_data"])
        failed = ended | report["failed"]
        self.compare(module, failed)
        if self.verbose:
            for test, reason in report["skipped"].items():
                print(f"skipped {test}: {reason}")
        seconds, skipped = call["timings"]["run_us"] / 1e6, len(report["skipped"])
        return f"{module}: {report['ran']} ran, {skipped} skipped, {len(failed)} failed, {seconds:.1f} s"

    def compare(self, module: str, failed: dict[str, str]) -> None:
        expected = self.expected.get(module, {})
        for test, why in sorted(failed.items()):
            if test not in expected:
                self.problems.append(f"{test} fails, which is not expected:\n{why}")
        for test in expected.keys() - failed.keys():
            self.problems.append(f"{test} passes: remove it from {EXPECTED.name}")


def main() -> int:
    about = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="scripts/python/conformance", description=about)
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is skipped")
    parser.add_argument("modules", nargs="*", metavar="MODULE", default=MODULES)
    arguments = parser.parse_args()
    expected = tomllib.loads(EXPECTED.read_text())
    if unknown := expected.keys() - set(MODULES):
        raise Failed(f"{EXPECTED.name} has modules that are not run: {unknown}")
    with server() as listening:
        packed = archive(source_tree())
        request("PUT", f"http://{listening['upload']}/p/conformance/tests", packed)
        conformance = Conformance(listening["invoke"], expected, arguments.verbose)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for line in pool.map(conformance.run, arguments.modules):
                print(line, flush=True)
    for problem in conformance.problems:
        print(f"\n{problem}")
    return 1 if conformance.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"error: {error}")
