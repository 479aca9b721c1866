"""The examples run, each as a program of its own, against servers that share nothing with them."""

import os
import subprocess
import sys
from pathlib import Path

from house.relay import Relay
from house.stand import standing

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        env={**os.environ, "ODYSSEY_API_URL": url, "ODYSSEY_API_KEY": "ody_example"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_core_runs_under_another_http_library() -> None:
    relay = Relay(regions=("here", "there"))
    with standing(relay.application) as stand:
        assert run("own_http.py", stand.url) == "here\nthere\n"
    assert relay.asked == [("POST", "/auth/token"), ("GET", "/regions")]
