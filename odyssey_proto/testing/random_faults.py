"""Faults of a service, drawn from a seed so that they can be had again; hypothesis is not needed."""

from collections.abc import Callable, Sequence

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.service.io import faults as fault
from odyssey_proto.service.io.faults import Fault, Moment

_PATHS = ("/auth/token", "/regions", "/sessions/request", "/sessions/token", "/config")
_STATUSES = (401, 403, 404, 422, 429, 500, 503)
_CLOSE_CODES = (1000, 1001, 1011, 4000)
_TEXTS = ("", "{", "[]", '{"type":"news"}', '{"type":"stream_ended"}', '{"type":"offer","sdp":7}')
_BODIES = (b"", b"{", b"[]", b"{}", b"\xff", b"<html>", b"null")
_REASONS = ("quota_exceeded", "concurrent_limit_exceeded", "lease_denied", "session_timeout", "crashed")
_SIGNAL_ERRORS = ("streamer_not_available", "streamer_disconnected", "duration_limit_reached", "unknown")
_MAX_TIMES = 3
_MAX_DELAY_SECONDS = 20


def random_faults(seed: bytes, count: int = 3) -> tuple[Fault, ...]:
    """Returns so many faults of any kind for `ServiceConfig(faults=...)`; equal seeds give equal faults."""
    chance = Entropy(seed)
    return tuple(pick(chance, _FAULTS)(chance) for _ in range(count))


def pick[T](chance: Entropy, among: Sequence[T]) -> T:
    """Returns one of several things."""
    return among[chance.below(len(among))]


def _times(chance: Entropy) -> int:
    return 1 + chance.below(_MAX_TIMES)


def _seconds(chance: Entropy) -> int:
    return 1 + chance.below(_MAX_DELAY_SECONDS)


def _moment(chance: Entropy) -> Moment:
    return pick(chance, tuple(Moment))


def _request(chance: Entropy) -> Moment:
    return pick(chance, (Moment.START, Moment.UPDATE, Moment.END))


_FAULTS: tuple[Callable[[Entropy], Fault], ...] = (
    lambda c: fault.Refuse(pick(c, _PATHS), detail_reply(pick(c, _STATUSES), "a fault"), _times(c)),
    lambda c: fault.Refuse(pick(c, _PATHS), HttpReply(200, (), pick(c, _BODIES)), _times(c)),
    lambda c: fault.Silent(pick(c, _PATHS), _times(c)),
    lambda c: fault.Slow(pick(c, _PATHS), _seconds(c), _times(c)),
    lambda c: fault.RefuseSocket(pick(c, _STATUSES), _times(c)),
    lambda c: fault.Close(_moment(c), pick(c, _CLOSE_CODES), "a fault"),
    lambda c: fault.Cut(_moment(c)),
    lambda c: fault.SignalError(_moment(c), pick(c, _SIGNAL_ERRORS)),
    lambda c: fault.Garble(_moment(c), pick(c, _TEXTS), _times(c)),
    lambda c: fault.Swallow(_request(c), _times(c)),
    lambda c: fault.Late(_request(c), _seconds(c), _times(c)),
    lambda c: fault.FailStream(_request(c), pick(c, _REASONS)),
    lambda c: fault.DropMedia(_moment(c)),
    lambda c: fault.NoOffer(_times(c)),
    lambda c: fault.OfferAgain(_times(c)),
    lambda c: fault.WithoutChannel(pick(c, (TO_STREAMER, FROM_STREAMER)), _times(c)),
    lambda c: fault.WithoutVideo(_times(c)),
    lambda c: fault.FailJob("a fault", _times(c)),
    lambda c: fault.UnknownState(_times(c)),
)
