"""Programs of the core in other processes: other hash seeds, other Pythons, other loops."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import h11
import wsproto

ROOT = Path(__file__).parent.parent.parent.parent

REPLAY = """
import sys
from odyssey_proto.trace import check, fresh, lines, read_file
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        trace = read_file(file)
    check(trace, fresh)
    for line in lines(trace):
        sys.stdout.write(line + "\\n")
"""


UNDER_TRIO = """
import trio
async def main():
    exec(PROGRAM, {})
trio.run(main)
"""

UNDER_ASYNCIO = """
import asyncio
async def main():
    exec(PROGRAM, {})
asyncio.run(main())
"""


def elsewhere(program: str, *arguments: str, python: str = sys.executable, seed: str = "0") -> str:
    """Runs a program of the core in another process, with nothing of this one but the libraries."""
    homes = [Path(str(module.__file__)).parent.parent for module in (attrs, h11, wsproto)]
    paths = [ROOT, ROOT / "tests" / "support", *homes]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys(paths))),
        "PYTHONHASHSEED": seed,
        "PYTHONIOENCODING": "utf-8",
    }
    command = [python, "-W", "error", "-c", program, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def other_pythons() -> Iterator[str]:
    """Returns the interpreters on this computer that are new enough and of another version than this one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        *sorted(versions.glob("3.1[2-9]*/bin/python3")),
        *map(Path, ("/usr/bin/python3.13", "/usr/bin/python3.14")),
    ]
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    seen = {ours}
    for path in candidates:
        if not path.exists():
            continue
        probe = [str(path), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        version = subprocess.run(probe, capture_output=True, text=True, timeout=30).stdout.strip()
        if version and version not in seen:
            seen.add(version)
            yield str(path)
