"""Which commands there are, and how one is called: loaded, run, its errors printed in one line."""

import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from json import dumps
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from odyssey import __version__
from odyssey.cli import DONE, FAILED, IMPOSSIBLE, CommandError, CommandLineError

COMMANDS = {
    "demo": "Show a whole session against a local service, and keep its video.",
    "serve": "Run a local service to develop against, without a key.",
    "view": "Watch a stream in the browser and steer it, on a page of this machine.",
    "stream": "Stream video from a prompt; what is typed meanwhile steers it.",
    "simulate": "Queue a script that the service plays without a viewer, and load what it made.",
    "recordings": "Look at what the service has recorded: list, show, download.",
    "doctor": "Find out where a connection fails, and what to do about it.",
    "trace": "Look at the trace of a session: show, html, replay, redact, diff, repl.",
}
"""Each is the attribute `app` of the module of its name, which help need not load."""

CALLED = "odyssey.called"
"""Where the context of a call has the whole name of its command, such as `odyssey trace show`."""


class Commands(TyperGroup):
    """The commands by name; a command's module is imported when that one is called."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Returns the options of `odyssey` itself."""
        found = super().get_params(ctx)
        _without_types(found)
        return found

    def list_commands(self, ctx: Any) -> list[str]:
        """Returns the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """Returns what help lists of a command, which loads nothing."""
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Returns the command that is called, loaded, and what is left for it."""
        name, found, rest = super().resolve_command(ctx, args)
        if found is not None:
            found = typer.main.get_command(import_module(f"odyssey.cli.{found.name}").app)
            found.name = name
            inner = getattr(found, "commands", {})
            called = [each for each in rest[:1] if each in inner]
            ctx.meta[CALLED] = " ".join(("odyssey", str(name), *called))
            for each in (found, *inner.values()):
                _without_types(each.get_params(ctx))
        return name, found, rest

    def invoke(self, ctx: Any) -> int:
        """Runs the command that is called, and returns the exit status."""
        try:
            status: int = super().invoke(ctx)
            sys.stdout.flush()
        except (CommandLineError, typer.TyperException) as error:
            return _failed(error, ctx.meta.get(CALLED, "odyssey"), json=ctx.obj)
        except BrokenPipeError:
            # Whoever read has seen enough; nothing more can be written, not even at the end of Python.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        return status


def _without_types(params: Iterable[Any]) -> None:
    """Has help say nothing of the type of a switch, which takes no value."""
    for each in params:
        if getattr(each, "is_flag", False):
            each.metavar = ""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"odyssey {__version__}")
        raise typer.Exit


# What a program holds while it fails may be secret, so no traceback shows its variables.
app: typer.Typer = typer.Typer(cls=Commands, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.callback(epilog="odyssey COMMAND --help has the options and examples of a command.")
def odyssey(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A client for Odyssey, the service that streams live video from a world model."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns the exit status."""
    json = "--json" in arguments
    try:
        status: int | None = typer.main.get_command(app).main(
            arguments, prog_name="odyssey", standalone_mode=False, obj=json
        )
    except typer.TyperException as error:
        return _failed(error, "odyssey", json=json)
    except SystemExit as error:
        # How typer ends after it has printed what a shell asked for.
        return int(error.code or DONE)
    return DONE if status is None else status


def _failed(error: Exception, name: str, *, json: bool) -> int:
    """Prints what went wrong, for programs as well if they asked for it, and returns its status."""
    text = f"{error}"
    if isinstance(error, typer.TyperException):
        text = f"{error.format_message().rstrip('.')}; {name} --help says what there is"
    status = FAILED if isinstance(error, CommandError) else IMPOSSIBLE
    if json:
        code = "command.failed" if status == FAILED else "command.usage"
        plain = {"code": code, "message": text, "hint": None, "retryable": False}
        print(dumps({"error": getattr(error, "form", None) or plain}), flush=True)
    print(f"{name}: {text}", file=sys.stderr)
    return status
