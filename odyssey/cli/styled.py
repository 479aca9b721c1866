"""Prints styled text, coloured by rich where there is one and a terminal."""

import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec

from odyssey.inspect.transcript import Text


def write(lines: Iterable[Text]) -> None:
    """Prints lines, in colours if rich is installed and the output is a terminal."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and find_spec("rich") is not None
    if not coloured:
        for line in lines:
            print("".join(text for text, _ in line).rstrip())
        return
    from rich.text import Text as Rich

    from odyssey.cli.console import Console

    console = Console(highlight=False)
    for line in lines:
        console.print(Rich.assemble(*line), soft_wrap=True)
