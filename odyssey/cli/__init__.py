"""The command line; each command is a file of its own, loaded when it is called."""

import sys
from collections.abc import Sequence

from odyssey.cli.encoding import print_in_any_encoding
from odyssey.cli.signals import INTERRUPTED, leave_at_once

DONE, FAILED, IMPOSSIBLE = 0, 1, 2
"""The exit statuses: it worked, it went wrong, it could never have worked."""

EXTRAS = {"typer": "cli", "rich": "cli", "yaml": "cli", "starlette": "view", "uvicorn": "view"}
"""Which extra brings what the command line needs, and `odyssey view`."""

ENDED_BY_CTRL_C = ("serve", "view")
"""The commands that are meant to end so."""


class CommandLineError(Exception):
    """A command ends by it; the message is for people, and `form` for programs, if it says more."""

    def __init__(self, message: str, form: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.form = form


class UsageError(CommandLineError):
    """What was asked for makes no sense; the message is one line."""


class CommandError(CommandLineError):
    """What was tried went wrong; the message is one line."""


def program() -> int:
    """
    Is the process: runs the command that it was started with, and returns its exit status.

    The statuses that `main` documents hold from here on; Ctrl-C is how a service and a page are meant to end.
    """
    leave_at_once(interrupted=DONE if sys.argv[1:] and sys.argv[1] in ENDED_BY_CTRL_C else INTERRUPTED)
    try:
        return main()
    finally:
        leave_at_once()
        # What is left to do is Python's, and that of threads that nobody waits for.
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Runs one command and returns the exit status.

    0: done, 1: failed, 2: asked for something impossible; 129, 130, 143: ended by SIGHUP, Ctrl-C, SIGTERM.
    """
    print_in_any_encoding()
    try:
        from odyssey.cli.commands import run

        return run(list(sys.argv[1:] if arguments is None else arguments))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        what, extras = ("the command line", extra) if extra == "cli" else (f"odyssey {extra}", f"cli,{extra}")
        needed = f"pip install 'odyssey-client[{extras}]'"
        print(f"odyssey: {what} needs the extra '{extra}': {needed}", file=sys.stderr)
        return IMPOSSIBLE
