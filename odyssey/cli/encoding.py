"""Printing to terminals of any encoding."""

import codecs
import io
import os
import sys

_PLAIN = {"→": "->", "─": "-", "…": "...", "‘": "'", "’": "'"}
"""What is printed in the place of signs of ours that an encoding lacks."""

_HANDLER = "odyssey.plain"


def print_in_any_encoding() -> None:
    """From here on, what the encoding of a terminal or file lacks is printed in ASCII, and printing works."""
    codecs.register_error(_HANDLER, _in_ascii)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # It was closed; what is printed is for nobody.
            nowhere = io.FileIO(os.open(os.devnull, os.O_WRONLY), "w", closefd=False)
            setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(nowhere), encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or ascii(each)[1:-1] for each in lacking), error.end
