"""A command of `odyssey` run in this process, as cheap as a call; its streams are its own."""

import io
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from odyssey.cli import main


def ran(*arguments: "str | Path", given: str = "") -> "CompletedProcess[str]":
    """Returns what a command did that reads `given`: its status and what it printed."""
    reads, prints, warns = (io.BytesIO(text) for text in (given.encode(), b"", b""))
    texts = [
        io.TextIOWrapper(stream, encoding="utf-8", write_through=True) for stream in (reads, prints, warns)
    ]
    with patch.multiple(sys, stdin=texts[0], stdout=texts[1], stderr=texts[2]):
        status = main(list(map(str, arguments)))
    return CompletedProcess(arguments, status, prints.getvalue().decode(), warns.getvalue().decode())
