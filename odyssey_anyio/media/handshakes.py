"""
What of a handshake is lost on the way is sent again soon, as browsers do.

Left alone, a check of ICE is sent again after 0.5 s, a flight of DTLS and a chunk that begins an association
of SCTP after one, and each waits twice as long for the next try.
Where a fifth of all packets is lost, nearly every connect has to wait for one of them.
Here each is sent again after `FIRST_SECONDS`, then after twice as long and so on, until it is answered; what
the libraries send again by themselves stays as it is.
What is sent again is the same datagram, so nothing of the other side has to know of this: a check is answered
once more, DTLS drops what it has seen (RFC 6347 section 4.1.2.6), SCTP answers INIT and COOKIE ECHO as often
as they come (RFC 9260 section 5.2).

RFC 6347 section 4.2.4.1 and RFC 9260 section 16 recommend a first timeout of one second, and RFC 8445 section
14.3 wants no less than 0.5 s for checks, all for the sake of paths that are full.
These are a few datagrams of a few hundred bytes, and no more than `MAX_REPEATS` of each; what OpenSSL sends
again by itself, after 1, 3 and 7 s, is sent once.

This is done inside aiortc, aioice and pyOpenSSL by the rules of media/aiortc_internals.py, for the same
versions; with others what is lost waits as long as the libraries have it.
The last flight of a DTLS server that is not of this library comes again after a second: only a message with
a number of its own makes OpenSSL and BoringSSL repeat it, and OpenSSL's timer has no setting that Python can
reach.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any

from odyssey_anyio.media.aiortc_internals import known, known_ice

FIRST_SECONDS = 0.05
"""How long an answer is waited for at first, as in libwebrtc."""

LONGEST_SECONDS = 0.4
"""The longest wait between two repeats."""

MAX_REPEATS = 8
"""How often something is sent again, within two and a half seconds."""

_SEND, _RECEIVE = "_send", "_recv"
_ROLE = "_role"
_BEGIN_TIMER = "_t1_start"
_WAITS_FOR_ANSWER = "_t1_chunk"
_SEND_CHUNK, _RECEIVE_CHUNK = "_send_chunk", "_receive_chunk"
_SEND_PACKET = "_send_data"
_PORT, _OTHER_PORT = "_local_port", "_remote_port"

_SEND_REQUEST = "send_stun"
_WAITING_REQUESTS = "transactions"
_HAS_PATH = "_check_list_done"

_DTLS = range(20, 64)
"""The first byte of a datagram of DTLS (RFC 7983 section 7)."""

_APPLICATION_DATA = 23


def repeat(send: Callable[[], Coroutine[Any, Any, None]], wanted: Callable[[], bool]) -> None:
    """Sends again and again while it is `wanted`; what cannot be sent counts as lost."""
    loop = asyncio.get_running_loop()
    sending: set[asyncio.Task[None]] = set()

    async def send_once() -> None:
        with suppress(OSError):
            await send()

    def again(wait: float, left: int) -> None:
        if not wanted():
            return
        sending.add(task := loop.create_task(send_once()))
        task.add_done_callback(sending.discard)
        if left > 1:
            longer = min(2 * wait, LONGEST_SECONDS)
            loop.call_later(longer, again, longer, left - 1)

    loop.call_later(FIRST_SECONDS, again, FIRST_SECONDS, MAX_REPEATS)


def repeat_flights(pc: Any) -> bool:
    """Has flights of DTLS sent again, by each transport of a connection; returns whether they are."""
    users = [transceiver.receiver for transceiver in pc.getTransceivers()]
    transports = {user.transport for user in (*users, pc.sctp) if user is not None}
    below = [getattr(each.transport, name, None) for each in transports for name in (_SEND, _RECEIVE)]
    shaped = all(map(callable, below)) and all(
        isinstance(getattr(each, _ROLE, None), str) for each in transports
    )
    if not known() or not shaped:
        return False
    for transport in transports:
        if transport.state == "new":
            _Flights(transport)
    return True


class _Flights:
    """What one end of a handshake sends; it stands between DTLS and ICE until that is over."""

    def __init__(self, dtls: Any) -> None:
        self._dtls = dtls
        self._ice = dtls.transport
        self._send, self._receive = getattr(self._ice, _SEND), getattr(self._ice, _RECEIVE)
        self._sent = b""
        self._received = b""
        self._begins_flight = True
        self._stand(self.send, self.receive)

    def _stand(self, send: Any, receive: Any) -> None:
        setattr(self._ice, _SEND, send)
        setattr(self._ice, _RECEIVE, receive)

    def _waits(self, sent: bytes) -> bool:
        return sent is self._sent and self._dtls.state == "connecting" and self._ice.state != "closed"

    async def send(self, data: bytes) -> None:
        """Sends a datagram; a flight is one, and the next one shows that it has arrived."""
        await self._send(data)
        if self._dtls.state == "connecting" and self._begins_flight:
            self._begins_flight = False
            self._sent = data
            repeat(lambda: self._send(data), lambda: self._waits(data))

    async def receive(self) -> bytes:
        """Returns the next datagram."""
        data: bytes = await self._receive()
        if self._dtls.state == "connecting":
            # What is sent before anything else has come is sent again by OpenSSL.
            self._begins_flight = self._begins_flight or data != self._received
            self._received = data
        elif getattr(self._dtls, _ROLE) == "client" or data[0] == _APPLICATION_DATA or data[0] not in _DTLS:
            # The other side has the flight that ends the handshake.
            self._stand(self._send, self._receive)
        elif data == self._received:
            await self._send(self._sent)
        return data


def repeat_checks(connection: Any, protocol: Any) -> bool:
    """Has requests of ICE sent again, by one socket, until a connection has a path; returns whether."""
    send: Any = getattr(protocol, _SEND_REQUEST, None)
    shaped = callable(send) and type(getattr(protocol, _WAITING_REQUESTS, None)) is dict
    if not known_ice() or not shaped or type(getattr(connection, _HAS_PATH, None)) is not bool:
        return False

    from aioice.stun import Class

    begun: set[bytes] = set()

    def wanted(number: bytes) -> bool:
        return number in getattr(protocol, _WAITING_REQUESTS) and not getattr(connection, _HAS_PATH)

    def send_and_repeat(message: Any, address: Any) -> None:
        send(message, address)
        number = message.transaction_id
        if message.message_class is Class.REQUEST and number not in begun and wanted(number):
            begun.add(number)

            async def send_again() -> None:
                send(message, address)

            repeat(send_again, lambda: wanted(number))

    setattr(protocol, _SEND_REQUEST, send_and_repeat)
    return True


def repeat_beginning(sctp: Any) -> bool:
    """
    Has the two chunks that begin an association sent again; returns whether they are.

    Both ends begin (RFC 8841 section 9.3), and aiortc makes two mistakes with it.
    An INIT that is sent again has the tag of the other end's, and whoever gets it drops it, so where both
    answers are lost, nothing is ever answered; here it has none (RFC 9260 section 8.5.1).
    And with each INIT that comes, what was received is forgotten; here one that comes late is dropped.
    """
    begin: Any = getattr(sctp, _BEGIN_TIMER, None)
    send: Any = getattr(sctp, _SEND_CHUNK, None)
    receive: Any = getattr(sctp, _RECEIVE_CHUNK, None)
    send_packet: Any = getattr(sctp.transport, _SEND_PACKET, None)
    coroutines = all(map(iscoroutinefunction, (send, receive, send_packet)))
    has = all(hasattr(sctp, name) for name in (_WAITS_FOR_ANSWER, _PORT, _OTHER_PORT))
    if not known() or not coroutines or not callable(begin) or not has:
        return False

    from aiortc.rtcsctptransport import InitChunk, serialize_packet

    def begin_and_repeat(chunk: Any) -> None:
        begin(chunk)
        repeat(lambda: send_chunk(chunk), lambda: getattr(sctp, _WAITS_FOR_ANSWER) is chunk)

    async def send_chunk(chunk: Any) -> None:
        if isinstance(chunk, InitChunk):
            ports = getattr(sctp, _PORT), getattr(sctp, _OTHER_PORT)
            # A bundle has given it another transport by now.
            await getattr(sctp.transport, _SEND_PACKET)(serialize_packet(*ports, 0, chunk))
        else:
            await send(chunk)

    async def receive_chunk(chunk: Any) -> None:
        if not isinstance(chunk, InitChunk) or sctp.state != "connected":
            await receive(chunk)

    setattr(sctp, _BEGIN_TIMER, begin_and_repeat)
    setattr(sctp, _SEND_CHUNK, send_chunk)
    setattr(sctp, _RECEIVE_CHUNK, receive_chunk)
    return True
