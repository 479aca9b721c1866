"""Each program of docs/migration.md runs against the local service, and prints what the page says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_examples import serving

PAGE = Path(__file__).parent.parent / "docs/migration.md"
PROGRAM = re.compile(
    r"```python\n(?P<text>.*?)```\n\nIt prints(?: `(?P<line>[^`\n]*)`|\n\n```text\n(?P<lines>.*?)```)",
    re.DOTALL,
)


def programs() -> Iterator[object]:
    """Returns the programs of the page by their headings, each with what it prints."""
    for part in re.split(r"^(?=## )", PAGE.read_text(), flags=re.MULTILINE):
        heading = part.partition("\n")[0].removeprefix("## ")
        for found in PROGRAM.finditer(part):
            yield pytest.param(found["text"], found["lines"] or f"{found['line']}\n", id=heading)


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with serving(old_status_words=True, suspended_keys=["ody_suspended"]) as url:
        yield url


def test_every_program_says_what_it_prints() -> None:
    assert len(list(programs())) == PAGE.read_text().count("```python") > 6


@pytest.mark.parametrize(("text", "printed"), list(programs()))
def test_a_program_prints_what_the_page_says(text: str, printed: str, service: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        env={**os.environ, "ODYSSEY_API_URL": service, "ODYSSEY_API_KEY": "ody_local"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed
