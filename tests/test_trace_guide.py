"""The guide in docs/traces.md, from a failing session to a regression test, carried out as it stands."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import FailStream, Moment
from odyssey_proto.trace import read_file

PAGE = Path(__file__).parent.parent / "docs" / "traces.md"

STEP = re.compile(r"^### (\d)\. ([^\n]*)\n(.*?)(?=^### |^## )", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([^`]+\.py)`")


def guide() -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the heading and the blocks of each step."""
    found = STEP.findall(PAGE.read_text(encoding="utf-8"))
    assert [number for number, *_ in found] == ["1", "2", "3", "4", "5"]
    return [(heading, BLOCK.findall(text)) for _, heading, text in found]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A shell's environment in which `python` is this one, and a service where every stream fails."""
    with in_thread(serve(ServiceConfig(faults=[FailStream(Moment.START, "moderation")]))) as service:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        yield {
            **os.environ,
            "PATH": path,
            "ODYSSEY_API_URL": service.url,
            "ODYSSEY_API_KEY": "ody_guide",
            "PYTHONIOENCODING": "utf-8",
        }


def shell(command: str, folder: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


def written(heading: str, program: str, folder: Path) -> str:
    """Writes the file that a heading names; returns the command that runs it (for a test, the bare file)."""
    (name,) = FILE.findall(heading)
    (folder / name).write_text(program, encoding="utf-8")
    return "true" if name.startswith("tests/") else f"python {name}"


def test_the_five_steps_of_the_guide(tmp_path: Path, environment: dict[str, str]) -> None:
    assert shell("git init -q", tmp_path, environment).returncode == 0
    printed = ""
    for heading, blocks in guide():
        assert blocks, heading
        for language, text in blocks:
            command = text if language == "bash" else written(heading, text, tmp_path)
            done = shell(command, tmp_path, environment)
            assert done.returncode == 0, done.stdout + done.stderr
            printed += done.stdout
    with (tmp_path / "failed.jsonl").open("rb") as file:
        assert read_file(file).header.redacted
    for words in ("StartStream failed", "failed.html", "1 passed"):
        assert words in printed
    assert shell("git status --short", tmp_path, environment).stdout.startswith("A  tests/test_failed.py")


def test_the_test_of_the_guide_fails_when_the_core_goes_another_way(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    _, [(_, test)] = guide()[3]
    (tmp_path / "traces").mkdir()
    (tmp_path / "test_failed.py").write_text(test, encoding="utf-8")
    good = (PAGE.parent.parent / "tests/traces/1/no-offer.jsonl").read_text(encoding="utf-8")
    other = good.replace('"code":"timeout.negotiate"', '"code":"timeout.signal"')
    assert other != good
    (tmp_path / "traces" / "failed.jsonl").write_text(other, encoding="utf-8")
    done = shell("python -m pytest test_failed.py", tmp_path, environment)
    assert done.returncode == 1
    assert "went another way than recorded" in done.stdout
