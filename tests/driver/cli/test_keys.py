"""The files of API keys that a local service accepts."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from house.command import ran

COMMAND = [sys.executable, "-W", "error", "-m", "odyssey"]


@pytest.mark.parametrize("line", ["ody_b ody_c", "# a comment", "ody_b # a comment", "not_a_key"])
def test_a_file_of_keys_has_keys_only(line: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"ody_a\n\n{line}\n")
    done = ran("serve", "--key-file", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"line 3 of {file} is no API key" in done.stderr
    assert not re.search("ody_[abc]|comment|not_a", done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process there")
def test_keys_from_a_file_are_accepted_and_not_seen(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("ody_b\n\n  ody_c\n")
    arguments = [*COMMAND, "serve", "--key", "ody_a", "--key-file", "keys"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert process.stdout.readline() == f"export ODYSSEY_API_URL={url}\n"
        keys = {"ody_a": 200, "ody_b": 200, "ody_c": 200, "ody_local": 401}
        asked = {key: httpx.post(f"{url}/auth/token", json={"api_key": key}).status_code for key in keys}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert asked == keys
