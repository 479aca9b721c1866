"""Time cursor: a trace walked forward and back, with the state at any step and the reason of any record."""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from odyssey.inspect.causes import chain
from odyssey.inspect.story import Story, StoryEntry, story
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.trace.replay import Replayed, State, replayed
from odyssey_proto.trace.values import Make, Step, Trace


class TraceCursor:
    """
    A place in a trace.

    The trace is replayed as far as somebody looks, by a machine that `make` makes, and what was seen is
    kept, so going back costs nothing.
    `at` is the number of the present step, which has happened, as all before it have; -1 is the place
    before the first step.
    An input that was never answered is the last step.
    """

    def __init__(self, trace: Trace, make: Make) -> None:
        self.trace = trace
        self.at: int = -1
        self._make = make
        self._replay = replayed(trace, make)
        self._seen: list[Replayed] = []

    def __len__(self) -> int:
        return len(self.trace.steps) + (self.trace.broken is not None)

    def __repr__(self) -> str:
        return f"<TraceCursor at step {self.at} of {len(self)}>"

    # --- going ----------------------------------------------------------------------------------

    def go(self, step: int) -> Step | None:
        """Goes to a step and returns it; before the beginning and after the end is where these are."""
        self.at = max(-1, min(step, len(self) - 1))
        return self.step

    def forward(self, steps: int = 1) -> Step | None:
        """Goes on by some steps."""
        return self.go(self.at + steps)

    def back(self, steps: int = 1) -> Step | None:
        """Goes back by some steps."""
        return self.go(self.at - steps)

    # --- looking --------------------------------------------------------------------------------

    @property
    def step(self) -> Step | None:
        """The present step, as it was recorded; `None` before the first."""
        if self.at == len(self.trace.steps) and self.trace.broken is not None:
            return Step(*self.trace.broken)
        return None if self.at < 0 else self.trace.steps[self.at]

    @property
    def entries(self) -> tuple[StoryEntry, ...]:
        """The records of the present step, in words."""
        return self.of_step.get(self.at, ())

    @property
    def state(self) -> State:
        """The state of the machine after the present step, in plain words; empty if it is not known."""
        seen = self.replayed
        return () if seen is None or seen.raised is not None else seen.state

    @property
    def replayed(self) -> Replayed | None:
        """The present step of the replay; `None` before the first, and after one that broke the machine."""
        return None if self.at < 0 else self._until(self.at)

    @property
    def states(self) -> tuple[State, ...]:
        """The state after each step, as far as the replay goes."""
        self._until(len(self) - 1)
        return tuple(seen.state for seen in self._seen if seen.raised is None)

    @property
    def different(self) -> Replayed | None:
        """The first step that the replay took another way; `None` if there is none."""
        self._until(len(self) - 1)
        return next((seen for seen in self._seen if not seen.same), None)

    @property
    def broke(self) -> Replayed | None:
        """The step of the replay that broke the machine, if one did; nothing after it has a state."""
        self._until(len(self) - 1)
        last = self._seen[-1:]
        return last[0] if last and last[0].raised is not None else None

    def why(self, number: int) -> tuple[StoryEntry, ...]:
        """Returns the chain of records that led to one, the first cause first, and it itself last."""
        entries = self.story.entries
        return tuple(entries[each] for each in chain([entry.tie for entry in entries], number))

    def find(self, words: str) -> Iterator[StoryEntry]:
        """Returns the records after the present step in whose line the words stand, in any case."""
        for entry in self.story.entries:
            text = f"{entry.record.name} {entry.line.title} {entry.line.detail}".lower()
            if entry.record.step > self.at and words.lower() in text:
                yield entry

    def machine(self) -> Machine[Any, Any]:
        """Returns a machine of its own, stepped until here or until it breaks, to be played with."""
        made = self._make(self.trace.header.settings)
        broken = self.trace.broken if self.at == len(self.trace.steps) else None
        short = Trace(self.trace.header, self.trace.steps[: self.at + 1], broken=broken)
        for _ in replayed(short, lambda _: made):
            pass
        return made

    @cached_property
    def story(self) -> Story:
        """The whole trace in words, with the states of the replay."""
        return story(self.trace, self.states)

    @cached_property
    def of_step(self) -> dict[int, tuple[StoryEntry, ...]]:
        """The records in words, by their steps."""
        found: dict[int, list[StoryEntry]] = {}
        for entry in self.story.entries:
            found.setdefault(entry.record.step, []).append(entry)
        return {step: tuple(entries) for step, entries in found.items()}

    def _until(self, step: int) -> Replayed | None:
        self._seen += islice(self._replay, max(0, step + 1 - len(self._seen)))
        return self._seen[step] if 0 <= step < len(self._seen) else None
