"""
STUN and TURN servers: all are asked side by side, and each that gives nothing has its reason.

aiortc asks the first server of each kind, and keeps to itself what went wrong.
Asking ends when every kind of server that there is has given something, a moment later so that a better one
may follow, or when its time is over.
Nobody is asked but those that the service or the application names.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from attrs import frozen

from odyssey_proto.kernel.secret import Secret, revealed
from odyssey_proto.model.ice import IceConfig

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_SERVERS = 8
"""How many servers of each kind are asked."""

GRACE_SECONDS = 0.1
"""For so long the others may follow when there is one of each kind."""

# RFC 7064 section 3.1 and RFC 7065 section 3.1.
_URL = re.compile(
    r"(?P<scheme>stun|turns?):(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[^:?\[\]]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>[a-z]+))?"
)

type Question = Callable[[], Coroutine[Any, Any, Any]]
"""Asks a server for a candidate."""

UNANSWERED = "no answer"


@frozen
class Server:
    """One server that can be asked."""

    url: str
    kind: str
    """`stun` or `turn`."""
    host: str
    port: int
    transport: str
    tls: bool
    username: Secret | None
    credential: Secret | None


def servers_of(ice: IceConfig) -> list[Server]:
    """Returns the servers to ask; raises `ValueError` for an address that is malformed."""
    found: dict[str, list[Server]] = {"stun": [], "turn": []}
    for entry in ice.servers:
        for url in entry.urls:
            if url.startswith("stuns:"):
                # STUN over TLS tells nothing of the path that media take.
                continue
            match = _URL.fullmatch(url)
            if match is None or not 0 < int(match["port"] or 1) < 65536:
                raise ValueError("the address of an ICE server is malformed")
            tls = match["scheme"] == "turns"
            transport = match["transport"] or ("tcp" if tls else "udp")
            if transport not in ("udp", "tcp") or (tls and transport == "udp"):
                continue
            port = int(match["port"] or (5349 if tls else 3478))
            host = match["literal"] or match["name"]
            kind = match["scheme"][:4]
            server = Server(url, kind, host, port, transport, tls, entry.username, entry.credential)
            found[kind].append(server)
    usable = [] if ice.relay_only else found["stun"][:MAX_SERVERS]
    return [*usable, *found["turn"][:MAX_SERVERS]]


def configuration(ice: IceConfig) -> Any:
    """
    Returns aiortc's configuration; raises `ValueError` for a malformed address.

    It has the first server of each kind, for an aiortc whose gathering is not ours.
    """
    from aiortc import RTCConfiguration, RTCIceServer
    from aiortc.rtcconfiguration import RTCIceTransportPolicy

    # aiortc cannot read the literal of an IPv6 address.
    readable = [server for server in servers_of(ice) if ":" not in server.host]
    first = {server.kind: server for server in reversed(readable)}
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(
                server.url, username=revealed(server.username), credential=revealed(server.credential)
            )
            for server in first.values()
        ],
        iceTransportPolicy=RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL,
    )


class ServerSearch:
    """Asks the servers of one peer, for each of its transports; `problems` is what went wrong."""

    def __init__(self, ice: IceConfig) -> None:
        self._servers = servers_of(ice)
        self._seconds = ice.gather / 1_000_000
        self._reasons: dict[Server, str] = {}
        self._relayed = False

    @property
    def problems(self) -> str:
        """Why there is no relay, by server; nothing if there is one, or if there is no TURN server."""
        wanting = [server for server in self._servers if server.kind == "turn"]
        if self._relayed:
            return ""
        return "; ".join(f"{server.url}: {self._reasons.get(server, UNANSWERED)}" for server in wanting)

    async def ask(self, questions: Callable[[Server], Iterable[Question]]) -> list[Any]:
        """Returns the candidates that the servers give; `questions` are those to one of them."""
        loop = asyncio.get_running_loop()
        tasks = {
            loop.create_task(ask_server(question)): server
            for server in self._servers
            for question in questions(server)
        }
        try:
            await self._wait(tasks, loop.time() + self._seconds)
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        return [candidate for task, server in tasks.items() for candidate in self._given(task, server)]

    async def _wait(self, tasks: "dict[asyncio.Task[Any], Server]", until: float) -> None:
        loop = asyncio.get_running_loop()
        missing = {server.kind for server in tasks.values()}
        pending = set(tasks)
        while pending and loop.time() < until:
            done, pending = await asyncio.wait(
                pending, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            given = {tasks[task].kind for task in done if not task.cancelled() and task.exception() is None}
            if missing and not missing - given:
                until = min(until, loop.time() + GRACE_SECONDS)
            missing -= given

    def _given(self, task: "asyncio.Task[Any]", server: Server) -> Iterator[Any]:
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            reason = self._reasons[server] = UNANSWERED if error is None else reason_of(error)
            logger.debug("%s gives nothing: %s", server.url, reason)
            return
        self._relayed = self._relayed or server.kind == "turn"
        yield task.result()


async def ask_server(question: Question) -> Any:
    """Asks one server; a task of this name may be cancelled at any moment (media/gathering.py)."""
    return await question()


def reason_of(error: BaseException) -> str:
    """Returns what an error says of a server, in a few words and without a secret."""
    from aioice import stun

    match error:
        case stun.TransactionFailed() if error.response.attributes.get("ERROR-CODE"):
            code, words = error.response.attributes["ERROR-CODE"]
            return f"{code} {_KNOWN_CODES.get(code, 'refused') if not _plain(words) else words}"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return "the TLS handshake failed"
        case socket.gaierror():
            return "the host name is unknown"
        case ConnectionRefusedError():
            return "the connection was refused"
        case stun.TransactionTimeout() | TimeoutError():
            return UNANSWERED
        case _:
            return f"the connection failed ({type(error).__name__})"


_KNOWN_CODES = {401: "Unauthorized", 403: "Forbidden", 486: "Allocation Quota Reached"}
"""What some errors of TURN mean (RFC 8656 section 19)."""


def _plain(words: str) -> bool:
    return 0 < len(words) <= 60 and words.isascii() and words.isprintable()
