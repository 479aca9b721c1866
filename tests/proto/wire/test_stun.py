"""STUN: held against the parser of aioice, and against whatever else may come."""

import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.wire.stun import COOKIE, answer


def request(*attributes: bytes) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI", 1, len(body), COOKIE) + b"transaction!" + body


@given(st.ip_addresses(), st.integers(1, 65535), st.binary(min_size=12, max_size=12))
def test_who_asks_is_told_where_it_comes_from(host: object, port: int, transaction: bytes) -> None:
    asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction)
    reply = answer(bytes(asked), str(host), port)
    assert reply is not None
    message = stun.parse_message(reply)
    assert message.message_class is stun.Class.RESPONSE
    assert message.transaction_id == transaction
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (str(host), port)


def test_the_zone_of_an_address_is_left_out() -> None:
    reply = answer(request(), "fe80::1%eth0", 5)
    assert reply is not None
    assert stun.parse_message(reply).attributes["XOR-MAPPED-ADDRESS"] == ("fe80::1", 5)


def test_what_may_be_ignored_is() -> None:
    software = struct.pack("!HH", 0x8022, 5) + b"hello\0\0\0"
    reply = answer(request(software), "127.0.0.1", 1)
    assert reply is not None
    assert stun.parse_message(reply).message_class is stun.Class.RESPONSE


def test_what_must_be_understood_is_refused_by_name() -> None:
    asked = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    asked.attributes["USERNAME"] = "somebody"
    asked.attributes["PRIORITY"] = 7
    reply = answer(bytes(asked), "127.0.0.1", 1)
    assert reply is not None
    message = stun.parse_message(reply)
    assert message.message_class is stun.Class.ERROR
    assert message.attributes["ERROR-CODE"] == (420, "Unknown Attribute")
    assert struct.pack("!HHHH", 0x000A, 4, 0x0006, 0x0024) in reply


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"hello",
        request()[:-1],
        request() + b"\0\0\0\0",
        b"\x01\x01" + request()[2:],
        request()[:4] + bytes(4) + request()[8:],
        request(b"\x80\x22"),
        request(struct.pack("!HH", 0x8022, 9) + bytes(8)),
    ],
)
def test_what_is_no_request_is_not_answered(datagram: bytes) -> None:
    assert answer(datagram, "127.0.0.1", 1) is None


@given(st.binary(max_size=60), st.booleans())
def test_whatever_comes_nothing_raises(noise: bytes, shaped: bool) -> None:
    reply = answer(request(noise) if shaped else noise, "127.0.0.1", 1)
    assert reply is None or stun.parse_message(reply).transaction_id == b"transaction!"
