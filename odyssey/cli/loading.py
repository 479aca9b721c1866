"""Reads the traces that the command line is given."""

import sys

from odyssey.cli import UsageError
from odyssey.cli.texts import STANDARD
from odyssey_proto.trace.reading import TraceError, read_file
from odyssey_proto.trace.values import Trace


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
