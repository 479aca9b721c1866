"""What `debug=True` writes: one readable line for each step of the core, without anything secret."""

import logging
from collections.abc import Sequence

from odyssey_proto.kernel.text import one_line
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.inputs import Replied
from odyssey_proto.seam.outputs import ClientInput, ClientOutput, Happened, Request

logger: logging.Logger = logging.getLogger("odyssey.client")

MAX_OUTPUT_CHARS = 200
"""The longest description of one output."""


def show_debug_log() -> None:
    """Writes the log of `odyssey` to standard error, unless the application has set up logging itself."""
    ours = logging.getLogger("odyssey")
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.DEBUG)
        ours.propagate = False


def log_step(inp: ClientInput, outputs: Sequence[ClientOutput]) -> None:
    """Writes a step: what came, and what the core wants done."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s → %s", _input(inp), "; ".join(map(_output, outputs)) or "nothing")


def _input(inp: ClientInput) -> str:
    match inp:
        case Command(command, what):
            return f"{type(what).__name__} (call {command})"
        case Replied(exchange, reply):
            return f"Replied {exchange}: HTTP {reply.status}"
        case _:
            # Nothing more, because what others say is masked on the way out only.
            return type(inp).__name__


def _output(output: ClientOutput) -> str:
    match output:
        case Request(exchange, request):
            return f"Request {exchange}: {request.method} {request.url}"
        case Happened(event):
            return one_line(repr(event), MAX_OUTPUT_CHARS)
        case _:
            return one_line(repr(output), MAX_OUTPUT_CHARS)
