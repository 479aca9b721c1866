"""Texts that the command line is given, the API keys in them, and what `-` stands for."""

import sys
from pathlib import Path

from odyssey.cli import UsageError
from odyssey_proto.service.rest.accounts import PREFIX

STANDARD = "-"
"""Stands for standard input where a file is read, and for standard output where one is written."""


def no_standard_output(option: str, path: Path | None, why: str) -> None:
    """Raises `UsageError` where `-` is given for what cannot go to standard output."""
    if path is not None and str(path) == STANDARD:
        raise UsageError(f"{option} cannot be standard output: {why}")


def read_text(path: str, what: str = "") -> str:
    """Reads a text; `-` is the standard input, and `what` says in an error what was looked for."""
    try:
        return sys.stdin.read() if path == STANDARD else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        # An error about what is no text holds it, and that may be a key.
        raise UsageError(f"cannot read {what}{path}: {why or type(error).__name__}") from None


def read_keys(path: str) -> list[str]:
    """Reads the API keys of a file, one a line; raises `UsageError` if there is none, or anything else."""
    keys = []
    for number, line in enumerate(read_text(path, "the API key from ").splitlines(), 1):
        match line.split():
            case []:
                pass
            case [key] if key.startswith(PREFIX):
                keys.append(key)
            case _:
                # What stands there is not shown: it may be a key with something beside it.
                rule = f"a line has one key, which begins with {PREFIX}, and nothing else"
                raise UsageError(f"line {number} of {path} is no API key: {rule}")
    if not keys:
        raise UsageError(f"there is no API key in {path}")
    return keys


def read_key(path: str) -> str:
    """Reads the API key of a file; raises `UsageError` if there is none, or more than one."""
    key, *others = read_keys(path)
    if others:
        raise UsageError(f"there is more than one API key in {path}")
    return key
