"""
Loading one file of a recording: from where, from which byte on, what each reply means, when to stop.

Ranges and their conditions are those of RFC 9110 sections 13.1.5, 14 and 15.3.7.
"""

import re
from typing import Literal, assert_never

from attrs import define, field, frozen

from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, millis, seconds
from odyssey_proto.kernel.secret import Secret, masked
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.messages.refusals import retry_after
from odyssey_proto.seam.http import Headers, HttpReply
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind, Wake

SILENCE = seconds(30)
"""How long nothing may arrive."""

TRIES = 5
"""How many tries in a row may bring nothing new."""

RETRIES = Backoff(millis(500), seconds(10))

EXPIRED = frozenset({400, 401, 403, 404, 410})
"""What presigned addresses are answered with when their time is over, by one store or another."""

PASSING = frozenset({408, 425, 429})
"""What will pass, besides 5xx."""

_STRONG = re.compile(r'"[\x21\x23-\x7e]{0,256}"')
"""A strong validator; a weak one says nothing about bytes (RFC 9110 section 8.8.1)."""

_PART = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_NONE = re.compile(r"bytes \*/(\d{1,18})")
_LENGTH = re.compile(r"\d{1,18}")

type _Timer = Literal[ClientTimer.TRANSFER_TIMEOUT, ClientTimer.TRANSFER_SILENCE, ClientTimer.TRANSFER_RETRY]


def _unseen(value: object) -> str:
    return repr(value) if isinstance(value, Failure) else masked(value)


@frozen
class Mark:
    """Which bytes a partial file holds the beginning of."""

    tag: str | None
    """The strong ETag, without which nothing can be resumed."""
    total: int | None
    """How many bytes there are in all, if that is known."""


@frozen
class Begin:
    """The transfer begins; `have` bytes of `mark` are there already."""

    have: int = 0
    mark: Mark | None = None


@frozen
class Located:
    """The recording was fetched: where the file is, or why that is not known."""

    result: Failure | str | None = field(repr=_unseen)


@frozen
class Headed:
    """The head of the reply."""

    reply: HttpReply


@frozen
class Came:
    """This many bytes of the body came, and were taken."""

    size: int


@frozen
class Finished:
    """The body is whole."""


@frozen
class BrokeOff:
    """No more will come of the reply."""

    why: TransportError


@frozen
class Locate:
    """Fetch the recording (anew): it says where the file is."""


@frozen
class Fetch:
    """Ask for the file."""

    url: Secret
    headers: Headers
    accepts: int


@frozen
class Take:
    """Take the body of the reply; with a mark the file begins anew, and that is what it holds."""

    mark: Mark | None


@frozen
class Over:
    """The transfer is over: with the whole file, or with what went wrong."""

    failure: Failure | None


type TransferInput = Begin | Located | Headed | Came | Finished | BrokeOff | Wake
type TransferOutput = Locate | Fetch | Take | Over


@define
class _Progress:
    have: int = 0
    mark: Mark | None = None
    best: int = 0
    """The most that was ever there."""
    misses: int = 0
    located_again: bool = False
    """Whether the address was asked for anew since something came."""
    partial: bool = False
    """Whether the reply under way is a part of the file."""


class Transfer:
    """
    Loads one file.

    What is there already is kept if the server says that it is the same file (If-Range).
    A reply that breaks off is gone on with, a few times.
    An address whose time is over is asked for anew, once.
    Each step gives at most one thing to do.
    `what` names the file, `most` bounds its size in bytes, `within` the time of it all.
    """

    def __init__(self, what: str, most: int, within: Span, entropy: Entropy) -> None:
        self._what = what
        self._most = most
        self._within = within
        self._entropy = entropy
        self._timers = Timers[_Timer]()
        self._now = Instant(0)
        self._at = _Progress()
        self._url: Secret | None = None
        self._over = False

    def __repr__(self) -> str:
        return (
            f"<Transfer of {self._what}: {self.have} of {self.total} bytes{', over' if self._over else ''}>"
        )

    @property
    def have(self) -> int:
        """How many bytes are there."""
        return self._at.have

    @property
    def total(self) -> int | None:
        """How many there will be, if that is known."""
        return self._at.mark.total if self._at.mark is not None else None

    @property
    def deadline(self) -> Deadline | None:
        """The next try, or the end of patience."""
        return self._timers.deadline

    def step(self, now: Instant, inp: TransferInput, /) -> list[TransferOutput]:
        """Takes the time and one input and returns what must be done."""
        self._now = now = Instant(max(now, self._now))
        outputs = [] if self._over else self._take(inp)
        while not self._over and (due := self._timers.due(now)) is not None:
            outputs = self._due(due)
        return outputs

    def _take(self, inp: TransferInput) -> list[TransferOutput]:
        match inp:
            case Begin(have, mark):
                self._timers.set(ClientTimer.TRANSFER_TIMEOUT, after(self._now, self._within))
                resumable = mark is not None and mark.tag is not None
                self._at = _Progress(have, mark) if resumable else _Progress()
                return [Locate()]
            case Located(result):
                return self._located(result)
            case Headed(reply):
                return self._headed(reply)
            case Came(size):
                self._at.have += size
                if self._at.have > self._at.best:
                    self._at.best, self._at.misses = self._at.have, 0
                    self._at.located_again = False
                self._timers.set(ClientTimer.TRANSFER_SILENCE, after(self._now, SILENCE))
                return []
            case Finished():
                return self._finished()
            case BrokeOff(TransportError(TransportErrorKind.TOO_LARGE)):
                return self._too_large()
            case BrokeOff(why):
                return self._missed(broken(why, f"loading the {self._what}"))
            case Wake():
                return []
            case _:
                assert_never(inp)

    def _due(self, why: _Timer) -> list[TransferOutput]:
        match why:
            case ClientTimer.TRANSFER_TIMEOUT:
                return self._end(timed_out(Phase.TRANSFER, (f"end of the {self._what}",)))
            case ClientTimer.TRANSFER_SILENCE:
                return self._missed(timed_out(Phase.TRANSFER, (f"more of the {self._what}",)))
            case ClientTimer.TRANSFER_RETRY:
                return self._fetch()
            case _:
                assert_never(why)

    # --- where it is ----------------------------------------------------------------------------

    def _located(self, result: Failure | str | None) -> list[TransferOutput]:
        if isinstance(result, Failure):
            return self._end(result)
        if result is None:
            return self._fail(
                FailureKind.NOT_FOUND, f"the recording has no {self._what}, or not yet", "missing"
            )
        try:
            parse_http(result)
        except LocalProtocolError as error:
            return self._fail(FailureKind.MALFORMED, f"the {self._what} cannot be loaded: {error}", "address")
        self._url = Secret(result)
        return self._fetch()

    def _fetch(self) -> list[TransferOutput]:
        assert self._url is not None, "it was located"
        self._timers.set(ClientTimer.TRANSFER_SILENCE, after(self._now, SILENCE))
        # A coded body would count other bytes than those of the file.
        headers: Headers = (("accept", "*/*"), ("accept-encoding", "identity"))
        at = self._at
        if at.have and at.mark is not None and at.mark.tag is not None:
            headers = (*headers, ("range", f"bytes={at.have}-"), ("if-range", at.mark.tag))
        else:
            at.have, at.mark = 0, None
        return [Fetch(self._url, headers, self._most)]

    # --- what came of it ------------------------------------------------------------------------

    def _headed(self, reply: HttpReply) -> list[TransferOutput]:
        self._timers.set(ClientTimer.TRANSFER_SILENCE, after(self._now, SILENCE))
        if reply.header("content-encoding") not in (None, "", "identity") and reply.ok:
            return self._fail(FailureKind.MALFORMED, f"the {self._what} came encoded", "malformed")
        match reply.status:
            case 200:
                self._at.partial = False
                return self._whole(reply)
            case 206:
                return self._rest(reply)
            case 416 if self.have:
                return self._nothing_more(reply)
            case status if status in EXPIRED:
                return self._expired(status)
            case status if status in PASSING or status >= 500:
                text = f"loading the {self._what} was answered with status {status}"
                unavailable = _failure(FailureKind.SERVER_BROKE, text, "unavailable", status)
                return self._missed(unavailable, retry_after(reply))
            case status:
                return self._refused(status)

    def _whole(self, reply: HttpReply) -> list[TransferOutput]:
        length = reply.header("content-length") or ""
        total = int(length) if _LENGTH.fullmatch(length) else None
        if total is not None and total > self._most:
            return self._too_large()
        tag = reply.header("etag") or ""
        self._at.have = 0
        self._at.mark = Mark(tag if _STRONG.fullmatch(tag) else None, total)
        return [Take(self._at.mark)]

    def _too_large(self) -> list[TransferOutput]:
        return self._fail(FailureKind.MALFORMED, f"the {self._what} is over {self._most} bytes", "too_large")

    def _rest(self, reply: HttpReply) -> list[TransferOutput]:
        part = _PART.fullmatch(reply.header("content-range") or "")
        if not self.have or part is None or int(part[1]) != self.have:
            return self._anew(f"the {self._what} came in parts that nobody asked for")
        total = None if part[3] == "*" else int(part[3])
        if self.total is not None and total not in (None, self.total):
            return self._anew(f"the {self._what} has another size than before")
        if self._at.mark is not None and self._at.mark.total is None:
            self._at.mark = Mark(self._at.mark.tag, total)
        self._at.partial = True
        return [Take(None)]

    def _nothing_more(self, reply: HttpReply) -> list[TransferOutput]:
        none = _NONE.fullmatch(reply.header("content-range") or "")
        if none is not None and int(none[1]) == self.have:
            return self._end(None)
        return self._anew(f"the {self._what} is shorter than what was there")

    def _expired(self, status: int) -> list[TransferOutput]:
        if self._at.located_again:
            return self._refused(status)
        self._at.located_again = True
        self._timers.stop(ClientTimer.TRANSFER_SILENCE)
        return [Locate()]

    def _refused(self, status: int) -> list[TransferOutput]:
        text = f"loading the {self._what} was refused with status {status}"
        return self._end(_failure(FailureKind.BAD_REQUEST, text, "refused", status))

    def _finished(self) -> list[TransferOutput]:
        if self.total is not None and self.have < self.total and self._at.partial:
            # A server may send less than it was asked for (RFC 9110 section 15.3.7).
            text = f"the {self._what} has {self.have} bytes of {self.total} so far"
            return self._missed(_failure(FailureKind.SERVER_BROKE, text, "malformed"))
        if self.total is not None and self.have != self.total:
            return self._anew(f"the {self._what} has {self.have} bytes instead of {self.total}")
        return self._end(None)

    def _anew(self, text: str) -> list[TransferOutput]:
        """Tries again from the first byte on."""
        self._at.have = 0
        return self._missed(_failure(FailureKind.SERVER_BROKE, text, "malformed"))

    def _missed(self, failure: Failure, asked: Span | None = None) -> list[TransferOutput]:
        self._timers.stop(ClientTimer.TRANSFER_SILENCE)
        self._at.misses += 1
        if not failure.retryable or self._at.misses >= TRIES:
            return self._end(failure)
        # At least a millisecond, so that a retry is a wake-up of its own and never a busy loop.
        delay = max(millis(1), RETRIES.jittered(self._at.misses, self._entropy), asked or 0)
        self._timers.set(ClientTimer.TRANSFER_RETRY, after(self._now, Span(delay)))
        return []

    def _fail(self, why: FailureKind, text: str, code: str) -> list[TransferOutput]:
        return self._end(_failure(why, text, code))

    def _end(self, failure: Failure | None) -> list[TransferOutput]:
        self._over = True
        self._timers.clear()
        return [Over(None if failure is None else failure.during(Phase.TRANSFER))]


def _failure(why: FailureKind, text: str, code: str, status: int | None = None) -> Failure:
    return Failure(why, text, code=f"download.{code}", phase=Phase.TRANSFER, status=status)
