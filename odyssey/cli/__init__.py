"""The command line; each command is a file of its own, loaded when it is called."""

import sys
from collections.abc import Sequence
from importlib import import_module

from odyssey import __version__
from odyssey.cli.encoding import print_in_any_encoding
from odyssey.cli.signals import INTERRUPTED, leave_at_once

COMMANDS = {
    "demo": "run the main job against a local service, and keep what it showed",
    "serve": "run a local service to develop against, without a key",
    "trace": "look at the trace of a session: show, html, replay, redact, diff, repl",
}


class UsageError(Exception):
    """What was asked for makes no sense; the message is one line."""


def program() -> int:
    """
    Is the process: runs the command that it was started with, and returns its exit status.

    The statuses that `main` documents hold from here on; Ctrl-C is how a service is meant to end.
    """
    leave_at_once(interrupted=0 if sys.argv[1:2] == ["serve"] else INTERRUPTED)
    try:
        return main()
    finally:
        leave_at_once()
        # What is left to do is Python's, and that of threads that nobody waits for.
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Runs one command and returns the exit status.

    0: done, 1: failed, 2: asked for something impossible, 130 and 143: ended by Ctrl-C and SIGTERM.
    """
    import argparse

    print_in_any_encoding()
    parser = argparse.ArgumentParser(prog="odyssey", description="A client for the Odyssey service.")
    parser.add_argument("--version", action="version", version=f"odyssey {__version__}")
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
        return INTERRUPTED
    return status
