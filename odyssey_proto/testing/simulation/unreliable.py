"""A network that does to single things what a plan says."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, assert_never

from attrs import evolve

from odyssey_proto.kernel.machine import Instant, Span, after
from odyssey_proto.seam.inputs import ChannelText, Replied, SocketText
from odyssey_proto.service.io.seam import Rendered
from odyssey_proto.testing.fake_media import FakeMedia, Owner
from odyssey_proto.testing.network import Network
from odyssey_proto.testing.simulation.plan import Disturbance, Disturbed

NAMES = ("socket", "exchange", "peer", "fetch")
"""What names the connection that something comes on."""


class UnreliableNetwork(Network):
    """Loses, repeats, cuts and delays; what comes on one connection keeps its order."""

    def __init__(
        self, clients: Sequence[Owner], delay: Span, media: FakeMedia, disturbed: Iterable[Disturbed]
    ) -> None:
        super().__init__(clients, delay, media)
        self._disturbed = {each.number: each for each in disturbed}
        self._numbers = count()
        self._last: dict[tuple[Any, ...], Instant] = {}

    def send(self, now: Instant, owner: Owner, inp: Any, delay: Span | None = None) -> None:
        """Puts an input on its way, or what becomes of it."""
        if isinstance(inp, Rendered):
            # The service says it to itself.
            super().send(now, owner, inp, delay)
            return
        planned = self._disturbed.get(next(self._numbers))
        at = after(now, self._delay if delay is None else delay)
        times = 1
        if planned is not None:
            match planned.how:
                case Disturbance.LOSS:
                    times = 0
                case Disturbance.DUPLICATE:
                    times = 2
                case Disturbance.TRUNCATION:
                    inp = truncated(inp)
                case Disturbance.DELAY:
                    at = after(at, planned.span)
                case _:
                    assert_never(planned.how)
        # A connection with nothing late needs no account.
        if self._last or planned is not None:
            connection = _connection(owner, inp)
            at = max(at, self._last.get(connection, at))
            self._last[connection] = at
        for _ in range(times):
            self.post(at, owner, inp)


def truncated(inp: Any) -> Any:
    """Returns the first half of a text or of a reply's body; anything else as it is."""
    match inp:
        case SocketText(text=text) | ChannelText(text=text):
            return evolve(inp, text=text[: len(text) // 2])
        case Replied(_, reply):
            return evolve(inp, reply=evolve(reply, body=reply.body[: len(reply.body) // 2]))
        case _:
            return inp


def _connection(owner: Owner, inp: Any) -> tuple[Any, ...]:
    return (owner, *(getattr(inp, name, None) for name in NAMES))
