"""A command of `odyssey` run in this process, as cheap as a call; its streams are its own."""

import io
import sys
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryFile
from unittest.mock import patch

from odyssey.cli import main


def ran(*arguments: "str | Path", given: str = "") -> "CompletedProcess[str]":
    """Returns what a command did that reads `given`: its status and what it printed."""
    prints, warns = io.BytesIO(), io.BytesIO()
    out, error = (
        io.TextIOWrapper(stream, encoding="utf-8", write_through=True) for stream in (prints, warns)
    )
    with TemporaryFile("w+", encoding="utf-8") as reads:
        reads.write(given)
        reads.seek(0)
        with patch.multiple(sys, stdin=reads, stdout=out, stderr=error):
            status = main(list(map(str, arguments)))
    return CompletedProcess(arguments, status, prints.getvalue().decode(), warns.getvalue().decode())
