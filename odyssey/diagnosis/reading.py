"""
What the trace of a session says about each step of its way, by pure reading.

A step counts as good when what it asked for came, and as failed when the command that needed it failed in
its phase; its time is the one between the two records.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, evolve, frozen

from odyssey.diagnosis.checks import Check, CheckName, CheckState
from odyssey.diagnosis.verdicts import verdict_of
from odyssey.inspect.line import counted, path_of
from odyssey_proto.client.connecting.clocks import MIN_CLOCK_ERROR_SECONDS
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages.dates import unix_seconds
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, Grant
from odyssey_proto.model.events import Disconnected
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.commands import Command, Connect, Interact, StartStream
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.seam.inputs import ExchangeFailed, Replied, SocketClosed, SocketOpened, TransportError
from odyssey_proto.seam.outputs import Completed, Failed, Happened, OpenSocket, Request
from odyssey_proto.trace.values import Record, Trace

_PHASES: Mapping[Phase | None, CheckName] = {
    None: CheckName.MEDIA,
    Phase.AUTHENTICATE: CheckName.HTTP,
    Phase.CALL: CheckName.HTTP,
    Phase.QUEUE: CheckName.QUEUE,
    Phase.PREPARE: CheckName.TOKEN,
    Phase.SIGNAL: CheckName.SIGNALING,
    Phase.NEGOTIATE: CheckName.MEDIA,
    Phase.READY: CheckName.MEDIA,
    Phase.SPECTATE: CheckName.MEDIA,
    Phase.INTERACT: CheckName.INTERACT,
}
"""What fails in another phase belongs to the stream."""

_KINDS: Mapping[tuple[FailureKind, Phase | None], CheckName] = {
    (FailureKind.AUTH_REFUSED, None): CheckName.KEY,
    (FailureKind.AUTH_REFUSED, Phase.AUTHENTICATE): CheckName.KEY,
    (FailureKind.AUTH_REFUSED, Phase.CALL): CheckName.KEY,
    (FailureKind.USAGE_LIMIT, None): CheckName.STREAM,
    (FailureKind.USAGE_LIMIT, Phase.AUTHENTICATE): CheckName.KEY,
    (FailureKind.USAGE_LIMIT, Phase.CALL): CheckName.KEY,
}
"""Where the kind says more than the phase; without a phase, a limit is one that ends a stream."""

_SOCKET_CODES = frozenset({"signaling.closed", "network.closed", "network.silent", "network.tls"})
"""
In a session that is connected or nearly so, what breaks or is closed by these is its WebSocket.

By other codes, such as `network.too_large`, media may fail as well: the trace says which did.
"""

CAME_UP = "came up after ms"
"""The fact that a check has of what came up before it was lost."""


def failed(
    failure: Failure, seconds: float | None = None, socket_codes: frozenset[str] = _SOCKET_CODES
) -> Check:
    """
    Returns the check that a failure belongs to, by its code, its kind and its phase, as failed.

    `socket_codes` are those of the WebSocket, wherever media may be meant too.
    """
    name = _PHASES.get(failure.phase, CheckName.STREAM)
    if name is CheckName.MEDIA and failure.name in socket_codes:
        name = CheckName.SIGNALING
    return failed_check(_KINDS.get((failure.kind, failure.phase), name), failure, seconds)


def failed_check(name: CheckName, failure: Failure, seconds: float | None = None) -> Check:
    """Returns one check as failed for a reason."""
    verdict = verdict_of(failure)
    facts: dict[str, Any] = {"code": failure.name, "error": failure.message}
    if failure.missing:
        facts["missing"] = list(failure.missing)
    return Check(name, CheckState.FAILED, verdict.meaning, seconds, verdict.advice, facts)


def lost(
    failure: Failure, found: Mapping[CheckName, Check], socket_codes: frozenset[str] = _SOCKET_CODES
) -> Check:
    """Returns the check of what failed later, which is said of what had come up until then."""
    check = failed(failure, socket_codes=socket_codes)
    up = found.get(check.name)
    if up is None or up.state is not CheckState.OK or up.seconds is None:
        return check
    text = f"it came up, and was lost later: {check.verdict}"
    return evolve(check, verdict=text, facts={**check.facts, CAME_UP: round(up.seconds * 1000, 1)})


def read(trace: Trace) -> dict[CheckName, Check]:
    """Returns the checks that a session's trace has the answer to."""
    records = tuple(trace.records())
    exchanges = tuple(_exchanges(records))
    wall = getattr(trace.header.settings, "wall", 0)
    socket_codes = _SOCKET_CODES.union(_socket_codes(records))
    found: dict[CheckName, Check] = {}
    for check in (
        *_http(exchanges),
        *_clock(exchanges, wall),
        *_key(exchanges),
        *_regions(exchanges),
        *_queue(exchanges),
        *_token(exchanges),
        *_ice(exchanges),
        *_signaling(records),
        *_commands(records, socket_codes),
    ):
        found[check.name] = check
    if (failure := _loss(records)) is not None:
        check = lost(failure, found, socket_codes)
        found[check.name] = check
    return found


def ice_servers(trace: Trace) -> tuple[IceServer, ...]:
    """Returns the ICE servers that the service named, with their secrets."""
    replied = (_servers(each) for each in _exchanges(trace.records()) if _is(each, "/config"))
    return next((servers for servers in replied if isinstance(servers, tuple)), ())


# --- exchanges ----------------------------------------------------------------------------------


@define
class _Exchange:
    """A request, and what came of it."""

    request: HttpRequest
    begins: Instant
    ends: Instant | None = None
    reply: HttpReply | None = None

    @property
    def ok(self) -> bool:
        return self.reply is not None and self.reply.ok

    @property
    def seconds(self) -> float | None:
        return None if self.ends is None else (self.ends - self.begins) / 1_000_000


def _exchanges(records: Iterable[Record]) -> Iterator[_Exchange]:
    """Returns the exchanges in the order in which they began."""
    known: dict[Any, _Exchange] = {}
    for record in records:
        match record.value:
            case Request(name, request):
                known[name] = _Exchange(request, record.at)
            case Replied(name, reply) if name in known:
                known[name].ends, known[name].reply = record.at, reply
            case ExchangeFailed(name) if name in known:
                known[name].ends = record.at
            case _:
                pass
    yield from known.values()


def _is(exchange: _Exchange, path: str) -> bool:
    return path_of(exchange.request.url).endswith(path)


def _good(exchanges: Iterable[_Exchange], path: str) -> _Exchange | None:
    return next((each for each in exchanges if each.ok and _is(each, path)), None)


def _http(exchanges: Iterable[_Exchange]) -> Iterator[Check]:
    first = next((each for each in exchanges if each.reply is not None), None)
    if first is not None:
        yield Check(CheckName.HTTP, CheckState.OK, "the service answers", first.seconds)


def _clock(exchanges: Sequence[_Exchange], wall: int) -> Iterator[Check]:
    """The clock of this machine against that of the service, by the first reply with a date."""
    for each in exchanges:
        there = None if each.reply is None else unix_seconds(each.reply.header("date") or "")
        if there is None or each.ends is None:
            continue
        error = (wall + each.ends) // 1_000_000 - there
        facts = {"seconds ahead": error}
        if abs(error) < MIN_CLOCK_ERROR_SECONDS:
            yield Check(CheckName.CLOCK, CheckState.OK, "right to the minute", facts=facts)
        else:
            way = "ahead of" if error > 0 else "behind"
            text = f"the clock of this machine is {abs(error)} s {way} that of the service"
            advice = "Set the clock: certificates and tokens are judged by it."
            yield Check(CheckName.CLOCK, CheckState.WARNING, text, None, advice, facts)
        return
    if exchanges:
        yield Check(CheckName.CLOCK, CheckState.NOT_TRIED, "the service does not say its time")


def _key(exchanges: Iterable[_Exchange]) -> Iterator[Check]:
    if (asked := _good(exchanges, "/auth/token")) is not None:
        yield Check(CheckName.KEY, CheckState.OK, "the service knows the key", asked.seconds)


def _regions(exchanges: Sequence[_Exchange]) -> Iterator[Check]:
    asked = next((each for each in exchanges if each.reply is not None and _is(each, "/regions")), None)
    if asked is None or asked.reply is None:
        return
    regions = REGIONS.decode_reply(asked.reply)
    if isinstance(regions, Failure):
        yield evolve(failed_check(CheckName.REGIONS, regions, asked.seconds), state=CheckState.WARNING)
        return
    took = {each.request.url: each.seconds for each in exchanges if each.ok}
    pings = {region.id: took.get(region.ping_url) for region in regions}
    latencies = {name: round(seconds * 1000, 1) for name, seconds in pings.items() if seconds is not None}
    if not regions:
        yield Check(CheckName.REGIONS, CheckState.OK, "the service names none", asked.seconds)
    elif not latencies:
        text = f"none of {counted(len(regions), 'region')} answered in time"
        advice = "The service chooses the region; a firewall may block the way to them."
        yield Check(CheckName.REGIONS, CheckState.WARNING, text, asked.seconds, advice)
    else:
        nearest = min(latencies, key=latencies.__getitem__)
        text = f"the nearest is {nearest}, at {latencies[nearest]:g} ms"
        facts = {f"{name} ms": value for name, value in latencies.items()}
        yield Check(CheckName.REGIONS, CheckState.OK, text, asked.seconds, facts=facts)


def _queue(exchanges: Iterable[_Exchange]) -> Iterator[Check]:
    asked = [each for each in exchanges if _is(each, "/sessions/request")]
    granted = next((each for each in asked if each.ok), None)
    if granted is None or granted.reply is None or granted.ends is None:
        return
    grant = SESSION_REQUEST.decode_reply(granted.reply)
    said = {"region": grant.region, "model": grant.model} if isinstance(grant, Grant) else {}
    facts = {"requests": len(asked)} | {name: value for name, value in said.items() if value is not None}
    seconds = (granted.ends - asked[0].begins) / 1_000_000
    text = "a streamer was free at once" if len(asked) == 1 else "a streamer became free"
    yield Check(CheckName.QUEUE, CheckState.OK, text, seconds, facts=facts)


def _token(exchanges: Iterable[_Exchange]) -> Iterator[Check]:
    if (asked := _good(exchanges, "/sessions/token")) is not None:
        yield Check(CheckName.TOKEN, CheckState.OK, "it was handed out", asked.seconds)


def _ice(exchanges: Iterable[_Exchange]) -> Iterator[Check]:
    asked = next((each for each in exchanges if _is(each, "/config")), None)
    servers = None if asked is None else _servers(asked)
    if asked is None or servers is None:
        return
    if isinstance(servers, Failure):
        warned = failed_check(CheckName.ICE, servers, asked.seconds)
        text = f"{warned.verdict}, so media can only come directly"
        yield evolve(warned, state=CheckState.WARNING, verdict=text)
        return
    urls = [url for server in servers for url in server.urls]
    turn = sum(url.startswith("turn") for url in urls)
    facts = {"STUN servers": len(urls) - turn, "TURN servers": turn}
    words = " and ".join(counted(number, name.removesuffix("s")) for name, number in facts.items())
    yield Check(CheckName.ICE, CheckState.OK, f"it names {words}", asked.seconds, facts=facts)


def _servers(exchange: _Exchange) -> tuple[IceServer, ...] | Failure | None:
    return None if exchange.reply is None else ICE_CONFIG.decode_reply(exchange.reply)


# --- sockets and commands -----------------------------------------------------------------------


def _signaling(records: Iterable[Record]) -> Iterator[Check]:
    opening: dict[Any, Instant] = {}
    for record in records:
        match record.value:
            case OpenSocket(socket):
                opening[socket] = record.at
            case SocketOpened(socket):
                seconds = (record.at - opening[socket]) / 1_000_000
                facts = {"attempts": len(opening)}
                yield Check(CheckName.SIGNALING, CheckState.OK, "the WebSocket opened", seconds, facts=facts)
            case _:
                pass


def _socket_codes(records: Iterable[Record]) -> Iterator[str]:
    """Returns the codes by which WebSockets broke."""
    for record in records:
        match record.value:
            case SocketClosed(error=TransportError(kind)):
                yield f"network.{kind.value}"
            case _:
                pass


@frozen
class _Kind:
    """What a command is the check of, and what is said when it succeeds."""

    name: CheckName
    words: str


_COMMANDS: Mapping[type[Any], _Kind] = {
    Connect: _Kind(CheckName.MEDIA, "video and both data channels came up"),
    StartStream: _Kind(CheckName.STREAM, "it started"),
    Interact: _Kind(CheckName.INTERACT, "the prompt was applied"),
}


def _commands(records: Iterable[Record], socket_codes: frozenset[str]) -> Iterator[Check]:
    """
    What connecting, starting and steering came to; media have the time since signaling is open.

    What fails after the session was lost has no other reason than that.
    """
    known: dict[Any, tuple[_Kind, Instant]] = {}
    opened: Instant | None = None
    for record in records:
        match record.value:
            case Command(command, what) if type(what) in _COMMANDS:
                known[command] = _COMMANDS[type(what)], record.at
            case SocketOpened():
                opened = record.at
            case Happened(Disconnected(Failure())):
                return
            case Completed(command) if command in known:
                kind, begins = known[command]
                began = opened if kind.name is CheckName.MEDIA and opened is not None else begins
                seconds = (record.at - began) / 1_000_000
                yield Check(kind.name, CheckState.OK, kind.words, seconds)
            case Failed(command, failure) if command in known:
                yield failed(failure, (record.at - known[command][1]) / 1_000_000, socket_codes)
            case Failure() if record.kind == "refused":
                yield failed(record.value)
            case _:
                pass


def _loss(records: Iterable[Record]) -> Failure | None:
    events = (each.value.event for each in records if isinstance(each.value, Happened))
    return next((event.failure for event in events if isinstance(event, Disconnected)), None)
