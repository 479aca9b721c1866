"""
The REST side: which request is for whom, what it is answered with, and when (docs/protocol.md#rest).

`Rest` answers; `RequestDesk` stands before it, for the plan of faults may have it that an answer comes
late, or never.
"""

import re
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret, revealed
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.endpoint import JsonEndpoint, bearer, no_params, no_parts, path_of
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import (
    SESSION_REQUEST,
    SESSION_TOKEN,
    Grant,
    SessionRequest,
)
from odyssey_proto.messages.simulations import (
    CANCEL_SIMULATION,
    LIST_SIMULATIONS,
    SIMULATE,
    WATCH_SIMULATION,
    JobSeen,
)
from odyssey_proto.messages.telemetry import TELEMETRY
from odyssey_proto.model.address import websocket_url
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.service.films.films import Films, stream_of
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Faults, Refuse, Silent, Slow
from odyssey_proto.service.io.seam import Answer, Asked, Noted, ServiceOutput
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.rest.accounts import Accounts
from odyssey_proto.service.rest.replies import Refused, preflight, refused, schema_refused, shared
from odyssey_proto.service.rest.sessions import Sessions
from odyssey_proto.wire.http1 import MAX_BODY_BYTES

PING = JsonEndpoint[None, None](
    "ping",
    "GET",
    "/ping",
    "ping the region",
    write=no_parts,
    read=no_params,
    give=lambda _: {},
    take=lambda _: None,
    authed=False,
    safe=True,
)
"""What a region's `ping_url` may point at."""

MAX_PATH = 200
"""How much of a path is noted, in characters."""

MAX_JOB_BYTES = 64 * 1024 * 1024
"""The largest request for a simulation: room for the largest image in a script."""

JOB_REPLY_DELAY = seconds(1)
"""What a client is asked to wait before it asks for an unfinished job again."""

LOCALHOST = "localhost"
"""The host of a request that names none."""


NOBODY = Secret("")
"""Whose access token a call carries that needs none."""


@frozen
class Call:
    """A request that is being answered."""

    now: Instant
    request: HttpRequest
    key: Secret = NOBODY
    """Whose access token it carries."""


type Handler = Callable[[Call, Any], Any]
"""Takes the call and its parameters, returns the result or raises `Refused`."""


class Rest:
    """Answers requests."""

    def __init__(self, config: ServiceConfig, accounts: Accounts, sessions: Sessions, films: Films) -> None:
        self._config = config
        self._films = films
        self._accounts = accounts
        self._sessions = sessions
        self._routes: tuple[tuple[JsonEndpoint[Any, Any], Handler], ...] = (
            (AUTH_TOKEN, lambda call, key: accounts.enter(call.now, key)),
            (REGIONS, lambda _, __: config.regions),
            (SESSION_REQUEST, self._grant),
            (SESSION_TOKEN, lambda call, name: sessions.token(call.now, call.key, name)),
            (ICE_CONFIG, self._ice),
            (TELEMETRY, _ignore),
            (PING, _ignore),
            (GET_RECORDING, lambda call, name: films.recording(call.now, call.key, name, call.request)),
            (LIST_STREAM_RECORDINGS, lambda call, page: films.archive.listed(call.key, page)),
            (SIMULATE, lambda call, job: films.jobs.create(call.now, call.key, job)),
            (WATCH_SIMULATION, self._job),
            (LIST_SIMULATIONS, lambda call, wanted: films.jobs.listed(call.key, wanted)),
            (CANCEL_SIMULATION, lambda call, name: films.jobs.cancel(call.now, call.key, name)),
        )

    def answer(self, now: Instant, request: HttpRequest) -> HttpReply:
        """Returns the reply to a request, whatever it is."""
        if request.method == "OPTIONS":
            return preflight()
        try:
            return self._answer(Call(now, request))
        except Refused as refusal:
            return refusal.reply

    def _answer(self, call: Call) -> HttpReply:
        endpoint, handler = self._route(call.request)
        if endpoint.authed:
            call = Call(call.now, call.request, self._accounts.holder(call.now, bearer(call.request)))
        try:
            params = endpoint.decode_request(call.request)
        except RemoteProtocolError as error:
            if error.status == 422:
                raise schema_refused(str(error)) from None
            raise refused(error.status, str(error)) from None
        return endpoint.encode_reply(handler(call, params))

    def _route(self, request: HttpRequest) -> tuple[JsonEndpoint[Any, Any], Handler]:
        path, allowed = path_of(request), list[str]()
        for endpoint, handler in self._routes:
            if endpoint.serves(path):
                if endpoint.method == request.method:
                    return endpoint, handler
                allowed.append(endpoint.method)
        if not allowed:
            raise refused(404, "Not Found")
        wrong = refused(405, "Method Not Allowed").reply
        raise Refused(evolve(wrong, headers=(*wrong.headers, ("allow", ", ".join(allowed)))))

    # --- what the calls do ----------------------------------------------------------------------

    def _grant(self, call: Call, _: SessionRequest) -> Grant:
        signaling_url = self._config.signaling_url or _here(call.request)
        capabilities = StreamerCapabilities(image_to_video=self._config.image_to_video)
        session_id = self._sessions.grant(call.now, call.key)
        return Grant(session_id, signaling_url, capabilities, "local-streamer", "local-scenes", "local")

    def _ice(self, call: Call, _: None) -> tuple[IceServer, ...]:
        port = self._config.stun_port
        if self._config.ice_servers or port is None:
            return self._config.ice_servers
        # An empty list would send some clients to a public server (docs/protocol.md#a-compatible-server).
        return (IceServer((f"stun:{_host(call.request)}:{port}",)),)

    def _job(self, call: Call, name: str) -> JobSeen:
        films = self._films
        job = films.jobs.find(call.key, name)
        streams = tuple(
            stream_of(number, film, films.store.files(call.now, film.stream_id, call.request))
            for number, film in enumerate(films.jobs.drawn(job))
        )
        return JobSeen(films.jobs.detail(job, streams), None if job.over else JOB_REPLY_DELAY)


class RequestDesk:
    """Takes requests and returns answers: one for each, unless a fault swallows it."""

    def __init__(self, rest: Rest, faults: Faults) -> None:
        self._rest = rest
        self._faults = faults
        self._late: list[tuple[Instant, Answer]] = []

    def __repr__(self) -> str:
        return f"<RequestDesk {len(self._late)} answers to come>"

    def ask(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        """Takes a request."""
        path = path_of(asked.request)
        line = f"{asked.request.method} {one_line(path, MAX_PATH)}"
        if self._faults.strike(Silent, path=path) is not None:
            return [Noted(f"{line}: silent on purpose")]
        answer = Answer(asked.exchange, shared(self._reply(now, asked.request, path)))
        slow = self._faults.strike(Slow, path=path)
        if slow is None:
            return [answer, Noted(f"{line}: {answer.reply.status}")]
        self._late.append((after(now, seconds(slow.seconds)), answer))
        return [Noted(f"{line}: {answer.reply.status}, late on purpose")]

    def gone(self, exchange: ExchangeId) -> None:
        """Whoever asked does not wait any more."""
        self._late = [(at, answer) for at, answer in self._late if answer.exchange != exchange]

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Returns the late answers that are due, the earliest first."""
        due = sorted((late for late in self._late if late[0] <= now), key=lambda late: late[0])
        self._late = [late for late in self._late if late[0] > now]
        return [answer for _, answer in due]

    @property
    def deadline(self) -> Deadline | None:
        """When the next late answer is due."""
        return Deadline(min(at for at, _ in self._late), ServiceTimer.LATE_ANSWER) if self._late else None

    def _reply(self, now: Instant, request: HttpRequest, path: str) -> HttpReply:
        planned = self._faults.strike(Refuse, path=path)
        return self._rest.answer(now, request) if planned is None else planned.reply


def _ignore(_: Call, __: object) -> None:
    """Accepts any parameters and does nothing with them."""


def _here(request: HttpRequest) -> str:
    """Returns the address of the WebSocket at the host that the client used."""
    try:
        return websocket_url(f"ws://{revealed(request.header('host')) or LOCALHOST}")
    except ValueError:
        raise refused(400, "Invalid host header") from None


def _host(request: HttpRequest) -> str:
    """Returns the host that the client used, without its port."""
    authority = _here(request).removeprefix("ws://").partition("/")[0]
    return re.sub(r":\d+$", "", authority)


def largest_body(head: HttpRequest, *, known: bool) -> int:
    """
    Returns the most bytes that the body of a request may have.

    Only a request for a simulation needs much, and only whoever is known, by an access token, gets it.
    """
    return MAX_JOB_BYTES if known and SIMULATE.matches(head) else MAX_BODY_BYTES
