"""The core is pure: what it may import, and that it runs where the outside is out of reach."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import odyssey_proto

CORE = Path(odyssey_proto.__file__).parent
FILES = sorted(CORE.rglob("*.py"))

LIBRARIES = {"attr", "attrs", "h11", "wsproto"}

STRATEGIES = CORE / "testing" / "strategies"
"""
Where hypothesis may be imported, and nowhere else.

Strategies are data for tests, drawn by chance on behalf of whoever runs the test; no machine imports them.
"""

STANDARD = {
    "abc",
    "base64",
    "binascii",
    "bisect",
    "codecs",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "difflib",
    "email.utils",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "struct",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "zlib",
}
"""What of the standard library computes and does nothing else."""

CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "urandom", "token_bytes"}
"""Attributes that read a clock or draw chance, whichever way their module was reached."""


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def named(path: Path) -> str:
    return str(path.relative_to(CORE))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_core_file_imports_only_what_computes(path: Path) -> None:
    found = set(imports(ast.parse(path.read_text())))
    allowed = {*LIBRARIES, "odyssey_proto", *(("hypothesis",) if path.is_relative_to(STRATEGIES) else ())}
    foreign = {name for name in found if name not in STANDARD and name.split(".")[0] not in allowed}
    assert foreign == set()


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_core_file_waits_for_nothing_and_reads_no_clock(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(
            node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Global
        ), f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in {"datetime", "date", "time", "os", "secrets"}:
                assert node.func.attr not in CLOCKS, f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "eval", "exec", "__import__", "id"}, (
                f"line {node.lineno}"
            )


def test_the_core_loads_no_outside() -> None:
    """Importing every module of the core brings in no loop, no network, no media library, no hypothesis."""
    core = [path for path in FILES if not path.is_relative_to(STRATEGIES)]
    names = [".".join(("odyssey_proto", *path.relative_to(CORE).with_suffix("").parts)) for path in core]
    modules = [name.removesuffix(".__init__") for name in names]
    program = (
        "import sys, importlib\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "banned = {'asyncio', 'anyio', 'trio', 'aiortc', 'av', 'numpy', 'socket', 'ssl', 'logging'}\n"
        "banned.add('hypothesis')\n"
        "sys.stdout.write(' '.join(sorted(banned & set(sys.modules))))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
