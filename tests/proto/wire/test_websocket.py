"""WebSocket in bytes: both ends against each other in virtual time, and whatever else may come."""

import re
from typing import Any

import pytest
import wsproto
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto import events as ws

from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.seam.inputs import SocketId, TransportErrorKind
from odyssey_proto.seam.outputs import SOCKET_LIMIT, OpenSocket
from odyssey_proto.wire.http1 import ServerConnection, Upgrade
from odyssey_proto.wire.websocket import (
    TIMING,
    Answered,
    Closed,
    Effects,
    Opened,
    SocketTimer,
    Text,
    Timing,
    WebSocket,
    accept,
    connect,
)

ZERO = Instant(0)
LIMIT = 1000


class Pair:
    """Both ends of a WebSocket, and what each received."""

    def __init__(self, size: int | None = None, timing: Timing = TIMING) -> None:
        self.now = ZERO
        self.size = size
        self.received: dict[str, list[Any]] = {"client": [], "server": []}
        self.client, hello = connect("host:1", "/ws?t=1", accepts=LIMIT, timing=timing)
        asked = ServerConnection().receive(hello)
        assert isinstance(asked, Upgrade)
        assert asked.request.parameter("t") == "1"
        made = accept(ZERO, asked.headers, asked.target, accepts=LIMIT, timing=timing)
        assert made is not None
        self.server, answer = made
        self.carry("server", Effects(answer))

    def carry(self, who: str, effects: Effects) -> None:
        """Brings what one end sends to the other, and so on until nobody says anything."""
        other = {"client": "server", "server": "client"}[who]
        self.received[who] += effects.events
        size = self.size or len(effects.data) or 1
        for start in range(0, len(effects.data), size):
            end = self.end(other)
            self.carry(other, end.receive(self.now, effects.data[start : start + size]))

    def end(self, who: str) -> WebSocket:
        return self.client if who == "client" else self.server

    def wait(self, who: str) -> SocketTimer:
        """Lets the time of one end's next deadline come."""
        deadline = self.end(who).deadline
        assert deadline is not None
        self.now = deadline.at
        self.carry(who, self.end(who).tick(self.now))
        assert isinstance(deadline.reason, SocketTimer)
        return deadline.reason


sizes = pytest.mark.parametrize("size", [None, 1], ids=["whole", "bytewise"])
ends = pytest.mark.parametrize("who", ["client", "server"])


def other(who: str) -> str:
    return "server" if who == "client" else "client"


@sizes
@ends
def test_texts_flow_and_the_close_is_shaken_on(size: int | None, who: str) -> None:
    pair = Pair(size)
    assert pair.received["client"] == [Opened()]
    for text in ("", "a", "ü\N{PILE OF POO}" * 60, "x" * LIMIT):
        pair.carry(who, pair.end(who).send_text(ZERO, text))
    pair.carry(who, pair.end(who).close(ZERO, 1001, "ü" * 100))
    said = pair.received[other(who)][-5:]
    assert [event.text for event in said[:4]] == ["", "a", "ü\N{PILE OF POO}" * 60, "x" * LIMIT]
    assert said[4] == Closed(1001, "ü" * 61)
    assert pair.received[who][-1].code == 1001
    for end in (pair.client, pair.server):
        assert end.closed
        assert end.deadline is None
        for effects in (
            end.send_text(ZERO, "late"),
            end.close(ZERO),
            end.receive(ZERO, b"x"),
            end.tick(after(ZERO, seconds(1000))),
        ):
            assert effects == Effects()


def test_both_may_close_at_once() -> None:
    pair = Pair()
    one, two = pair.client.close(ZERO, 1000), pair.server.close(ZERO, 1001)
    pair.carry("client", pair.client.receive(ZERO, two.data))
    pair.carry("server", pair.server.receive(ZERO, one.data))
    assert pair.client.closed
    assert pair.server.closed


def test_a_second_close_does_nothing() -> None:
    pair = Pair()
    assert pair.client.close(ZERO).data
    assert pair.client.close(ZERO) == Effects()
    assert pair.client.send_text(ZERO, "late") == Effects()


@ends
def test_a_silent_other_side_is_asked_and_given_up(who: str) -> None:
    pair = Pair()
    assert pair.wait(who) is SocketTimer.PING
    # The pong came at once, so the next ping is due, not the end of patience.
    assert pair.wait(who) is SocketTimer.PING
    end = pair.end(who)
    assert end.tick(pair.now) == Effects()
    deadline = end.deadline
    assert deadline is not None
    assert end.tick(deadline.at).data, "a ping that nobody hears"
    deadline = end.deadline
    assert deadline is not None
    assert deadline.reason is SocketTimer.PONG
    (closed,) = end.tick(deadline.at).events
    assert (closed.code, closed.error.kind) == (1006, TransportErrorKind.SILENT)
    assert end.closed


@ends
def test_only_a_pong_shows_that_the_other_side_reads(who: str) -> None:
    pair = Pair()
    end, other = pair.end(who), pair.end("server" if who == "client" else "client")
    assert end.deadline == Deadline(after(ZERO, TIMING.ping_interval), SocketTimer.PING)
    pair.now = end.deadline.at
    ping = end.tick(pair.now).data
    deadline = end.deadline
    assert deadline == Deadline(after(pair.now, TIMING.pong_timeout), SocketTimer.PONG)
    # The other side talks and talks, which shows that it sends.
    for _ in range(3):
        end.receive(pair.now, other.send_text(pair.now, "hello").data)
        assert end.deadline == deadline
    end.receive(pair.now, other.receive(pair.now, ping).data)
    assert end.deadline == Deadline(after(pair.now, TIMING.ping_interval), SocketTimer.PING)


@ends
def test_a_question_out_of_turn_is_answered_by_the_next_pong(who: str) -> None:
    pair = Pair()
    end, other = pair.end(who), pair.end("server" if who == "client" else "client")
    usual = end.deadline
    asked = end.ping()
    assert end.deadline == usual, "the other pings keep their time"
    pong = other.receive(pair.now, asked.data).data
    assert end.receive(pair.now, pong).events == (Answered(),)
    assert end.receive(pair.now, pong).events == (), "one answer for one question"


def test_who_closes_asks_nothing_any_more() -> None:
    pair = Pair()
    pair.client.close(ZERO)
    assert pair.client.ping() == Effects()


def test_a_ping_that_is_not_answered_says_how_much_had_come() -> None:
    pair = Pair()
    for _ in range(2):
        assert pair.client.deadline is not None
        pair.now = pair.client.deadline.at
        (*closed,) = pair.client.tick(pair.now).events
    assert (closed[0].code, closed[0].error.kind) == (1006, TransportErrorKind.SILENT)
    assert re.fullmatch(
        r"a ping was not answered; [1-9]\d+ bytes had come until then", closed[0].error.detail
    )


def test_a_close_that_nobody_answers_ends_by_itself() -> None:
    pair = Pair()
    pair.client.close(ZERO)
    deadline = pair.client.deadline
    assert deadline is not None
    assert deadline.reason is SocketTimer.CLOSE
    (closed,) = pair.client.tick(deadline.at).events
    assert (closed.code, closed.error.kind) == (1006, TransportErrorKind.SILENT)


@ends
def test_a_connection_that_breaks_is_reported_as_1006(who: str) -> None:
    pair = Pair()
    (closed,) = pair.end(who).receive(ZERO, b"").events
    assert (closed.code, closed.error.kind) == (1006, TransportErrorKind.CLOSED)


# --- what a server may say against the rules ----------------------------------------------------


def raw(event: ws.Event, *, masked: bool = False) -> bytes:
    """Returns the bytes of a frame by wsproto itself."""
    kind = wsproto.ConnectionType.CLIENT if masked else wsproto.ConnectionType.SERVER
    return wsproto.Connection(kind).send(event)


@pytest.mark.parametrize(
    ("data", "how", "said"),
    [
        (raw(ws.TextMessage(data="x" * (LIMIT + 1))), TransportErrorKind.TOO_LARGE, 1009),
        (
            raw(ws.TextMessage(data="x" * 600, message_finished=False)) + b"\x80\x7e\x02\x58" + b"y" * 600,
            TransportErrorKind.TOO_LARGE,
            1009,
        ),
        (b"\x81\x02\xff\xfe", TransportErrorKind.MALFORMED, 1007),
        (b"\x80\x01x", TransportErrorKind.MALFORMED, 1002),
        (b"\x83\x00", TransportErrorKind.MALFORMED, 1002),
        (b"\xc1\x00", TransportErrorKind.MALFORMED, 1002),
        (b"\x89\x7e\x00\x7e" + b"x" * 126, TransportErrorKind.MALFORMED, 1002),
        (b"\x88\x01x", TransportErrorKind.MALFORMED, 1002),
        (b"\x88\x02\x00\x01", TransportErrorKind.MALFORMED, 1002),
    ],
)
@pytest.mark.parametrize("step", [1, 10_000])
def test_what_breaks_the_rules_ends_the_connection(
    data: bytes, how: TransportErrorKind, said: int, step: int
) -> None:
    pair = Pair()
    sent, received = b"", []
    for start in range(0, len(data), step):
        effects = pair.client.receive(ZERO, data[start : start + step])
        sent += effects.data
        received += effects.events
    (closed,) = received
    assert (closed.code, closed.error.kind) == (1006, how)
    ended = pair.server.receive(ZERO, sent).events
    assert ended[-1].code == said
    assert pair.client.closed


def test_a_frame_that_promises_too_much_costs_no_memory() -> None:
    pair = Pair()
    pair.client.receive(ZERO, b"\x81\x7f" + (1 << 62).to_bytes(8, "big"))
    events: list[Any] = []
    for _ in range(50):
        events += pair.client.receive(ZERO, b"x" * 100).events
        if pair.client.closed:
            break
    assert [event.error.kind for event in events] == [TransportErrorKind.TOO_LARGE]


def test_fragments_are_put_together_around_a_ping() -> None:
    pair = Pair()
    frames = [
        raw(ws.TextMessage(data="hel", message_finished=False)),
        raw(ws.Ping(payload=b"there?")),
        b"\x80\x02lo",
    ]
    effects = pair.client.receive(ZERO, b"".join(frames))
    assert effects.events == (Text("hello"),)
    assert len(effects.data) == 2 + 4 + len(b"there?"), "a masked pong with the ping's own words"


def test_a_ping_after_our_close_is_not_answered() -> None:
    pair = Pair()
    pair.client.close(ZERO)
    assert pair.client.receive(ZERO, raw(ws.Ping(payload=b"there?"))) == Effects()


@pytest.mark.parametrize(
    ("data", "text"), [("ü".encode(), "ü"), (b"\xff\xfe{}", "\ufffd\ufffd{}"), (b"", "")]
)
def test_a_text_may_come_as_bytes_and_what_is_none_ends_nothing(data: bytes, text: str) -> None:
    pair = Pair()
    assert pair.client.receive(ZERO, raw(ws.BytesMessage(data=data))) == Effects(b"", (Text(text),))


def test_a_close_without_a_code_has_one_for_us() -> None:
    pair = Pair()
    effects = pair.client.receive(ZERO, b"\x88\x00" + raw(ws.TextMessage(data="after the end")))
    assert effects.events == (Closed(1005),)


def test_compression_is_neither_offered_nor_taken() -> None:
    _, hello = connect("host", "/", accepts=LIMIT)
    assert b"extensions" not in hello.lower()
    asked = ServerConnection().receive(hello[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    assert isinstance(asked, Upgrade)
    made = accept(ZERO, asked.headers, asked.target, accepts=LIMIT)
    assert made is not None
    assert b"extensions" not in made[1].lower()


@given(st.lists(st.binary(max_size=30), max_size=6), st.booleans())
@settings(max_examples=examples(300))
def test_whatever_comes_an_open_end_goes_on_or_ends_once(pieces: list[bytes], client: bool) -> None:
    pair = Pair()
    end = pair.client if client else pair.server
    received = [event for piece in pieces for event in end.receive(ZERO, piece).events]
    closed = [event for event in received if isinstance(event, Closed)]
    assert len(closed) == end.closed
    assert closed == received[-1:] or not closed


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_socket_of_the_client_takes_the_largest_offer_and_no_more(beyond: int) -> None:
    order = OpenSocket(SocketId(1), "/ws")
    client, hello = connect("host", "/", accepts=order.accepts)
    asked = ServerConnection().receive(hello)
    assert isinstance(asked, Upgrade)
    made = accept(ZERO, asked.headers, asked.target, accepts=LIMIT)
    assert made is not None
    client.receive(ZERO, made[1])
    [event] = client.receive(ZERO, raw(ws.TextMessage(data="x" * (SOCKET_LIMIT + beyond)))).events
    if beyond:
        assert isinstance(event, Closed)
        assert event.error is not None
        assert event.error.kind is TransportErrorKind.TOO_LARGE
    else:
        assert event == Text("x" * SOCKET_LIMIT)
