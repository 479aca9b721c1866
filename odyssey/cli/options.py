"""Options of several commands, options that are made of tables, and the examples below them."""

from collections.abc import Callable, Iterable
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

Landscape = Annotated[bool, typer.Option("--landscape", help="1280x704 instead of 704x1280, the default.")]

StartImage = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A picture to start from.", show_default="none", exists=True, dir_okay=False
    ),
]

MAX_PORT = 65535


def read_whole(given: Any) -> int:
    """Reads a whole number, for typer, which would say in words of its own what is wrong with it."""
    try:
        return int(given)
    except ValueError:
        raise typer.BadParameter(f"a whole number is wanted, not {given}") from None


def read_port(given: Any) -> int:
    """Reads a port, for typer; 0 is any free one."""
    port = read_whole(given)
    if not 0 <= port <= MAX_PORT:
        raise typer.BadParameter(f"a port is a whole number from 0 to {MAX_PORT}, not {given}")
    return port


def read_seconds(given: Any) -> float:
    """Reads a number of seconds, for typer."""
    try:
        return float(given)
    except ValueError:
        raise typer.BadParameter(f"a number of seconds is wanted, not {given}") from None


def with_options[F: Callable[..., int]](command: F, options: Iterable[Parameter]) -> F:
    """Returns a command that takes further options, which it gets as its `**` argument."""
    own = [each for each in signature(command).parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    every = [*own, *options]
    described: Any = command
    described.__signature__ = signature(command).replace(parameters=every)
    described.__annotations__ = {each.name: each.annotation for each in every}
    return command


def option(name: str, annotation: object, default: object) -> Parameter:
    """Returns an option for `with_options`; its annotation is one that typer reads."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def examples(*commands: str) -> str:
    """Returns the end of a command's help; typer keeps the lines of a paragraph that begins with a \\b."""
    return "\n".join(("\bExamples:", *commands))
