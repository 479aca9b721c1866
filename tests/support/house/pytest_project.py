"""A folder with tests, in which pytest runs by itself."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from attrs import define

ROOT = Path(__file__).parents[3]

PROGRAM = """
from odyssey import Odyssey

async def session(prompt="A cat", steer="Pet the cat"):
    async with Odyssey() as client:
        await client.connect()
        async with client.stream(prompt) as stream:
            return await stream.interact(steer)
"""

BY_ITSELF = """
import asyncio
from program import session

def test_it(odyssey_trace):
    asyncio.run(session())
"""


@define
class Project:
    """A folder with tests, and runs of pytest in it, each in a process of its own."""

    path: Path
    output: str = ""
    """What the last run printed."""

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.path / f"{name}.py").write_text(dedent(text))

    def configure(self, **settings: str) -> None:
        given = (f"{name} = {value}\n" for name, value in settings.items())
        (self.path / "pytest.ini").write_text("[pytest]\n" + "".join(given))

    def run(self, *arguments: str, plugins: tuple[str, ...] = (), **variables: str) -> dict[str, int]:
        """Returns how many tests ended how; fails with what was printed if pytest itself did."""
        named = [argument for name in ("odyssey.testing.plugin", *plugins) for argument in ("-p", name)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-W", "error", *named, *arguments],
            cwd=self.path,
            env={
                # Where `CI` is set, pytest repeats each message in whole, so it is not.
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith("PYTEST_") and name not in ("CI", "BUILD_NUMBER")
                },
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": f"{ROOT}{os.pathsep}{self.path}",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        self.output = done.stdout + done.stderr
        counted = re.findall(r"(\d+) (passed|failed|error)s?\b", self.output.rpartition("\n==")[2])
        if not counted and done.returncode != pytest.ExitCode.USAGE_ERROR:
            pytest.fail(f"no test has ended:\n{self.output}")
        return {word: int(number) for number, word in counted}
