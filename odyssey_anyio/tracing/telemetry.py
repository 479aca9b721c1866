"""What may look on while a client works: it is shown each step of the core, and decides nothing."""

import logging
from collections.abc import Callable
from typing import Protocol

from odyssey_anyio.media.delivery import FrameAccount
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.trace.values import Step

logger: logging.Logger = logging.getLogger("odyssey.telemetry")


class Observer(Protocol):
    """Looks on at one client, in its loop; it must not block, and what it raises is logged."""

    def asked(self, command: CommandId) -> None:
        """The call `command` begins, in the task of its caller, whose context variables can be read here."""
        ...

    def stepped(self, step: Step) -> None:
        """The core has made `step`, whose inputs and outputs hold secrets."""
        ...


class Telemetry(Protocol):
    """
    What `Odyssey(telemetry=…)` takes; `odyssey.telemetry.OpenTelemetry` is one.

    One object may serve any number of clients.
    """

    def observe(self, began: int, account: Callable[[], FrameAccount]) -> Observer:
        """
        Returns what looks on at a client that begins to work.

        `began` is the time of day at the zero of its clock, in microseconds since 1970 (UTC);
        `account` returns what became of its frames until now.
        """
        ...


def observing(telemetry: Telemetry, began: int, account: Callable[[], FrameAccount]) -> list[Observer]:
    """Returns what looks on for `telemetry`: nothing if it raises, which is logged."""
    try:
        return [telemetry.observe(began, account)]
    except Exception as error:  # noqa: BLE001  a session does not fail because nobody looks on
        logger.warning("no telemetry of what follows: %s", type(error).__name__)
        return []
