"""Packs the Python runtime's library and writes its manifest.

    pack.py LIB SDK OUT NAME VERSION SOURCE

LIB is CPython's Lib, SDK this repository's sdk/python, SOURCE the hash of what the runtime is
built from. OUT holds python.wasm already. Run by a Python of the runtime's own version, whose
compiled code it can read.
"""

import hashlib
import importlib._bootstrap_external
import json
import pathlib
import shutil
import sys
import zipfile

# What a function cannot use (windows, other processes, installers), or what only
# CPython's own tests need.
LEFT_OUT = {
    "__phello__", "curses", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "test", "tests", "tkinter", "turtledemo", "venv",
    "__hello__.py", "antigravity.py", "this.py", "turtle.py",
}  # fmt: skip

# The earliest time that a ZIP file can say.
TIME = (1980, 1, 1, 0, 0, 0)

# CPython's own is generated and full of the building machine's paths.
SYSCONFIG = f'''"""What is known of the build."""
build_time_vars = {{
    "EXT_SUFFIX": "", "HOST_GNU_TYPE": "wasm32-unknown-wasi", "MULTIARCH": "wasm32-wasi",
    "Py_DEBUG": 0, "Py_GIL_DISABLED": 0, "SOABI": "cpython-{sys.version_info[0]}{sys.version_info[1]}-wasm32-wasi",
    "VERSION": "{sys.version_info[0]}.{sys.version_info[1]}", "WITH_PYMALLOC": 1,
}}
'''


def sources(root: pathlib.Path):
    """The files of a package tree as (name, content), without what is left out."""
    for path in root.rglob("*"):
        name = path.relative_to(root)
        if path.is_file() and not LEFT_OUT & set(name.parts) and "__pycache__" not in name.parts:
            yield name.as_posix(), path.read_bytes()


def compiled(name: str, source: bytes, root: str) -> tuple[str, bytes]:
    """A module's bytecode, which is trusted to fit its source: nothing is checked at import."""
    code = compile(source, f"{root}/{name}", "exec", dont_inherit=True)
    data = importlib._bootstrap_external._code_to_hash_pyc(code, b"\0" * 8, False)
    folder, _, file = name.rpartition("/")
    tag = sys.implementation.cache_tag
    return f"{folder}/__pycache__/{file[:-3]}.{tag}.pyc".lstrip("/"), data


def library(lib: pathlib.Path, sdk: pathlib.Path) -> dict[str, bytes]:
    """All files of the guest's library folder."""
    root = f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}"
    files = dict(sources(lib))
    files |= {f"pyfaasm/{name}": data for name, data in sources(sdk / "pyfaasm")}
    files |= {path.name: path.read_bytes() for path in (sdk / "runtime").glob("*.py")}
    files["_sysconfigdata__wasi_wasm32-wasi.py"] = SYSCONFIG.encode()
    for name, data in list(files.items()):
        if name.endswith(".py"):
            pyc, code = compiled(name, data, root)
            files[pyc] = code
    return files


def write_zip(path: pathlib.Path, files: dict[str, bytes]) -> None:
    """Uncompressed, so that the server reads files where they lie; the same for the same files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = 3
            entry.external_attr = 0o100444 << 16
            archive.writestr(entry, files[name])


def write_manifest(out: pathlib.Path, name: str, version: str, source: str) -> None:
    """What the runtime is, for those who install and check it."""
    files = {}
    for file in ("python.wasm", "lib.zip", "LICENSE"):
        data = (out / file).read_bytes()
        files[file] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest = {"name": name, "version": version, "abi": 2, "files": files}
    if source:
        manifest["source"] = source
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> None:
    lib, sdk, out = map(pathlib.Path, sys.argv[1:4])
    shutil.copyfile(lib.parent / "LICENSE", out / "LICENSE")
    write_zip(out / "lib.zip", library(lib, sdk))
    write_manifest(out, *sys.argv[4:7])


main()
