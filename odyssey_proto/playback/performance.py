"""How far one recording was played: what the client did of it, and what comes next."""

from collections.abc import Callable
from typing import Any

from odyssey_proto.machine import Instant
from odyssey_proto.playback.acts import CHANNEL, SIGNALING, Act, Cue, Expected, Lane
from odyssey_proto.playback.content import Content
from odyssey_proto.playback.divergence import Divergence
from odyssey_proto.playback.script import Script


class Performance:
    """
    Plays one script: tells what is due, and compares what comes.

    Something is due when the client has done everything that came before it in the recording, and,
    unless it is `fast`, when as much time has passed since then as in the recording.
    """

    def __init__(self, script: Script, *, fast: bool) -> None:
        self.addresses = script.addresses
        self._acts = script.acts
        self._fast = fast
        self._next = 0
        self._since = Instant(0)
        self._done: dict[int, Instant] = {}
        self._lanes: dict[Lane, list[int]] = {}
        self._roads: dict[tuple[str, int], list[int]] = {}
        for index, act in enumerate(script.acts):
            if isinstance(act, Expected):
                self._lanes.setdefault(act.lane, []).append(index)
                if act.lane.road in (SIGNALING, CHANNEL):
                    self._roads.setdefault((act.lane.road, act.name), []).append(index)

    def __repr__(self) -> str:
        return f"<Performance {self._next} of {len(self._acts)} acts>"

    # --- what the client does -------------------------------------------------------------------

    def expects(self, lane: Lane) -> Expected | None:
        """Gives what comes next of a kind, if anything does."""
        index = self._first(lane)
        act = None if index is None else self._acts[index]
        return act if isinstance(act, Expected) else None

    def hears(self, now: Instant, lane: Lane, came: Content) -> list[Divergence]:
        """Takes what comes next of a kind, and gives in what it differs."""
        index = self._lanes[lane].pop(0)
        expected = self._acts[index]
        assert isinstance(expected, Expected), "lanes hold nothing else"
        # What one road carries comes in order, so what should have come before does not come any more.
        skipped = [
            self._skip(now, earlier)
            for earlier in self._roads.get((lane.road, expected.name), [])
            if earlier < index and earlier not in self._done
        ]
        self._done[index] = now
        return (
            skipped if came.like(expected.content) else [*skipped, Divergence(lane, expected.content, came)]
        )

    def missing(self) -> tuple[Divergence, ...]:
        """Gives what did not come until now."""
        return tuple(
            Divergence(act.lane, act.content, None)
            for index, act in enumerate(self._acts)
            if isinstance(act, Expected) and index not in self._done
        )

    @property
    def complete(self) -> bool:
        """Whether everything was done and said."""
        return self._next == len(self._acts) and not any(self._lanes.values())

    # --- what the server does -------------------------------------------------------------------

    def due(self, now: Instant, possible: Callable[[Cue], bool]) -> Cue | None:
        """Takes out what the server has to do now; `None`: nothing yet."""
        cue = self._cue()
        if cue is None or not possible(cue) or self._at(cue) > now:
            return None
        self._pass(now)
        return cue

    def waits(self, possible: Callable[[Cue], bool]) -> Instant | None:
        """Gives when the next thing is due that depends on nothing but time."""
        cue = self._cue()
        return self._at(cue) if cue is not None and possible(cue) else None

    def _cue(self) -> Cue | None:
        """Goes on to the next thing that the server has to do, unless the client has to do one before."""
        while self._next < len(self._acts):
            act = self._acts[self._next]
            if not isinstance(act, Expected):
                return act
            if self._next not in self._done:
                return None
            self._pass(self._done[self._next])
        return None

    def _pass(self, at: Instant) -> None:
        self._since = Instant(max(self._since, at))
        self._next += 1

    def _at(self, cue: Cue) -> Instant:
        before: Any = self._acts[self._next - 1] if self._next else cue
        return self._since if self._fast else Instant(self._since + cue.at - before.at)

    def _first(self, lane: Lane) -> int | None:
        waiting = self._lanes.get(lane)
        return waiting[0] if waiting else None

    def _skip(self, now: Instant, index: int) -> Divergence:
        act: Act = self._acts[index]
        assert isinstance(act, Expected), "roads hold nothing else"
        self._lanes[act.lane].remove(index)
        self._done[index] = now
        return Divergence(act.lane, act.content, None)
