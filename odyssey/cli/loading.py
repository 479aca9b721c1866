"""Reads the files that the command line is given."""

import sys

from odyssey.cli import UsageError
from odyssey_proto.trace.reading import TraceError, read_file
from odyssey_proto.trace.values import Trace

STANDARD = "-"
"""Stands for standard input where a file is read, and for standard output where one is written."""


def load(path: str) -> Trace:
    """Reads a trace; `-` is the standard input."""
    try:
        if path == STANDARD:
            return read_file(sys.stdin.buffer)
        with open(path, "rb") as file:
            return read_file(file)
    except TraceError as error:
        raise UsageError(f"{path}: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or type(error).__name__}") from error
