"""The command line; each command is a file of its own, loaded when it is called."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "demo": "run the main job against a local service, and keep what it showed",
    "serve": "run a local service to develop against, without a key",
    "trace": "look at the trace of a session: show, html, replay, redact, diff, repl",
}


class UsageError(Exception):
    """What was asked for makes no sense; the message is one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Runs one command and returns the exit status.

    0: done, 1: failed, 2: asked for something impossible, 130 and 143: ended by Ctrl-C and SIGTERM.
    """
    parser = argparse.ArgumentParser(prog="odyssey", description="A client for the Odyssey service.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    chosen, rest = parser.parse_known_args(arguments)
    command = import_module(f"odyssey.cli.{chosen.command}")
    own = argparse.ArgumentParser(prog=f"odyssey {chosen.command}", description=COMMANDS[chosen.command])
    command.options(own)
    try:
        status: int = command.run(own.parse_args(rest))
    except UsageError as error:
        print(f"odyssey {chosen.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status
