"""How far one trace was played: what the client did of it, and what comes next."""

from collections.abc import Callable
from typing import Any

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.playback.addresses import Addresses
from odyssey_proto.playback.content import Content
from odyssey_proto.playback.divergence import Divergence
from odyssey_proto.playback.moves import CHANNEL, SIGNALING, ClientMove, MessageKey, Move, ServerMove
from odyssey_proto.playback.script import Script


class ScriptCursor:
    """
    Plays one script: says what is due, and compares what comes.

    Something is due when the client has done everything that came before it in the trace, and,
    unless it is `fast`, when as much time has passed since then as in the trace.
    """

    def __init__(self, script: Script, *, fast: bool) -> None:
        self.addresses: Addresses = script.addresses
        self._moves = script.moves
        self._fast = fast
        self._next = 0
        self._since = Instant(0)
        self._done: dict[int, Instant] = {}
        self._by_key: dict[MessageKey, list[int]] = {}
        self._by_transport: dict[tuple[str, int], list[int]] = {}
        for index, move in enumerate(script.moves):
            if isinstance(move, ClientMove):
                self._by_key.setdefault(move.key, []).append(index)
                if move.key.transport in (SIGNALING, CHANNEL):
                    self._by_transport.setdefault((move.key.transport, move.name), []).append(index)

    def __repr__(self) -> str:
        return f"<ScriptCursor {self._next} of {len(self._moves)} moves>"

    # --- what the client does -------------------------------------------------------------------

    def expects(self, key: MessageKey) -> ClientMove | None:
        """Returns what comes next of a kind, if anything does."""
        waiting = self._by_key.get(key)
        move = self._moves[waiting[0]] if waiting else None
        return move if isinstance(move, ClientMove) else None

    def take(self, now: Instant, key: MessageKey, came: Content) -> list[Divergence]:
        """Takes something of a kind, and returns in what it differs from what comes next of that kind."""
        waiting = self._by_key.get(key)
        if not waiting:
            return [Divergence(key, None, came)]
        index = waiting.pop(0)
        expected = self._moves[index]
        assert isinstance(expected, ClientMove), "only what the client does has a key"
        # What one transport carries comes in order, so what should have come before does not come any more.
        skipped = [
            self._skip(now, earlier)
            for earlier in self._by_transport.get((key.transport, expected.name), [])
            if earlier < index and earlier not in self._done
        ]
        self._done[index] = now
        return skipped if came.like(expected.content) else [*skipped, Divergence(key, expected.content, came)]

    def missing(self) -> tuple[Divergence, ...]:
        """Returns what did not come until now."""
        return tuple(
            Divergence(move.key, move.content, None)
            for index, move in enumerate(self._moves)
            if isinstance(move, ClientMove) and index not in self._done
        )

    @property
    def complete(self) -> bool:
        """Whether everything was done and said."""
        return self._next == len(self._moves) and not any(self._by_key.values())

    # --- what the server does -------------------------------------------------------------------

    def due(self, now: Instant, possible: Callable[[ServerMove], bool]) -> ServerMove | None:
        """Takes out what the server has to do now; `None`: nothing yet."""
        move = self._next_server_move()
        if move is None or not possible(move) or self._at(move) > now:
            return None
        self._pass(now)
        return move

    def next_due(self, possible: Callable[[ServerMove], bool]) -> Instant | None:
        """Returns when the next thing is due that depends on nothing but time."""
        move = self._next_server_move()
        return self._at(move) if move is not None and possible(move) else None

    def _next_server_move(self) -> ServerMove | None:
        """Goes on to the next thing that the server has to do, unless the client has to do one before."""
        while self._next < len(self._moves):
            move = self._moves[self._next]
            if not isinstance(move, ClientMove):
                return move
            if self._next not in self._done:
                return None
            self._pass(self._done[self._next])
        return None

    def _pass(self, at: Instant) -> None:
        self._since = Instant(max(self._since, at))
        self._next += 1

    def _at(self, move: ServerMove) -> Instant:
        before: Any = self._moves[self._next - 1] if self._next else move
        return self._since if self._fast else Instant(self._since + move.at - before.at)

    def _skip(self, now: Instant, index: int) -> Divergence:
        move: Move = self._moves[index]
        assert isinstance(move, ClientMove), "only what the client does is ordered by transport"
        self._by_key[move.key].remove(index)
        self._done[index] = now
        return Divergence(move.key, move.content, None)
