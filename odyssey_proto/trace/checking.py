"""Holds a trace against this core, as strictly as it can be: step by step, or as the application sees it."""

from attrs import frozen

from odyssey_proto.trace.application import ApplicationDifference, application_difference
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.replay import Difference, difference
from odyssey_proto.trace.values import Make, Trace


@frozen
class Verdict:
    """How a core compares with the one of a trace."""

    trace: Trace
    steps: Difference | None
    """The first step that goes another way; `None` if all are the same."""
    application: ApplicationDifference | None = None
    """What the application sees otherwise; looked for only if the core has moved on and a step differs."""

    @property
    def moved_on(self) -> bool:
        """Whether the core that was recorded behaves otherwise than this one by its own word."""
        return self.trace.header.behaviour != BEHAVIOUR

    @property
    def difference(self) -> Difference | ApplicationDifference | None:
        """
        What speaks against this core; `None` if nothing does.

        A core that has moved on may take other steps, as long as the application sees the same; a
        service has no application, so its steps must be the same always.
        """
        if self.moved_on and self.trace.header.machine != "service":
            return self.application
        return self.steps

    @property
    def text(self) -> str:
        """The verdict for a reader: what is the same, or the difference."""
        trace = self.trace
        moved = f"recorded by a core of behaviour {trace.header.behaviour}, replayed by one of {BEHAVIOUR}"
        if self.difference is not None:
            return f"{moved}\n{self.difference.text}" if self.moved_on else self.difference.text
        if self.steps is None:
            count = len(trace.steps)
            return f"{count} {'step' if count == 1 else 'steps'}, all the same again"
        return f"{moved}: {self.steps.summary}, and the application sees the same"


class ReplayError(Exception):
    """A core does not do what a trace says; `difference` says where and how."""

    def __init__(self, difference: Difference | ApplicationDifference) -> None:
        super().__init__(difference.summary)
        self.difference = difference


def verdict(trace: Trace, make: Make) -> Verdict:
    """
    Holds a trace against a core, which `make` makes of the trace's settings.

    Every step is replayed.
    If one differs, and the trace names another behaviour than this core has, the core is run again as
    the application ran the recorded one.
    """
    found = Verdict(trace, difference(trace, make))
    if found.steps is None or not found.moved_on or trace.header.machine == "service":
        return found
    return Verdict(trace, found.steps, application_difference(trace, make))


def check(trace: Trace, make: Make) -> Verdict:
    """
    Holds a trace against a core as `verdict` does, and returns what is the same.

    Raises `ReplayError` for a difference, from what the machine raised.
    """
    found = verdict(trace, make)
    if found.difference is not None:
        raise ReplayError(found.difference) from found.difference.raised
    return found
