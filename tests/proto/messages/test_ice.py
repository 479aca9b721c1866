"""ICE servers, candidates and descriptions."""

import json
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.ice import ICE_CONFIG, usable_server
from odyssey_proto.messages.sdp import MAX_DESCRIPTION_LINES, MAX_SDP, check_candidate, check_sdp
from odyssey_proto.model.ice import IceCandidate, IceServer
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.testing.strategies.messages import SDP


def taken(*servers: Any) -> Any:
    return ICE_CONFIG.decode_reply(HttpReply(200, (), json.dumps({"iceServers": servers}).encode()))


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("wss://host/", "https://host/config"),
        ("ws://host:1//", "http://host:1/config"),
        ("https://host/base", "https://host/base/config"),
        ("http://host", "http://host/config"),
        ("host:8080", "http://host:8080/config"),
        ("WSS://host", "https://host/config"),
    ],
)
def test_each_spelling_of_the_signaling_address(base: str, url: str) -> None:
    request = ICE_CONFIG.encode_request(base, None, Secret("canary"))
    assert request.url == url
    assert request.header("authorization") is None


def test_a_base_that_is_no_address() -> None:
    with pytest.raises(LocalProtocolError):
        ICE_CONFIG.encode_request("ftp://host", None)


def test_servers_with_and_without_credentials() -> None:
    assert taken(
        {"urls": "stun:stun.example:3478"},
        {"urls": ["turn:t.example?transport=udp", "turns:t.example:443"], "username": "u", "credential": "c"},
        {"url": "stun:old.example"},
    ) == (
        IceServer(("stun:stun.example:3478",)),
        IceServer(("turn:t.example?transport=udp", "turns:t.example:443"), Secret("u"), Secret("c")),
        IceServer(("stun:old.example",)),
    )


def test_no_credential_is_seen() -> None:
    assert "canary" not in repr(taken({"urls": "turn:t", "username": "canary", "credential": "canary"}))


@pytest.mark.parametrize(
    "odd",
    [
        5,
        None,
        {},
        {"urls": None},
        {"urls": 5},
        {"urls": []},
        {"urls": "http://x"},
        {"urls": [5, "stun:"]},
        {"urls": "turn:t.example"},
        {"urls": "turn:t.example", "username": "u"},
        {"urls": "turn:t.example", "username": "u", "credential": 5},
    ],
)
def test_what_no_peer_could_use_is_left_out(odd: Any) -> None:
    assert taken(odd, {"urls": "stun:a"}) == (IceServer(("stun:a",)),)


def test_a_good_address_beside_a_bad_one_is_kept() -> None:
    assert taken({"urls": ["stun:a b", "turn:t", "stun:a"]}) == (IceServer(("stun:a",)),)


def test_servers_have_an_end() -> None:
    servers = taken(*[{"urls": ["stun:a"] * 50}] * 50)
    assert len(servers) == 16
    assert all(len(server.urls) == 8 for server in servers)


@pytest.mark.parametrize("body", [{}, {"iceServers": None}, {"iceServers": []}])
def test_no_servers(body: Any) -> None:
    assert ICE_CONFIG.decode_reply(HttpReply(200, (), json.dumps(body).encode())) == ()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"iceServers":{}}'])
def test_a_configuration_that_is_none(body: bytes) -> None:
    failure = ICE_CONFIG.decode_reply(HttpReply(200, (), body))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("stun:a.example", True),
        ("stuns:a.example:5349", True),
        ("stun:[2001:db8::1]:3478", True),
        ("turn:1.2.3.4:3478?transport=tcp", True),
        ("turns:a", True),
        ("stun:a?transport=udp", False),
        ("stun:", False),
        ("stun:a:0", False),
        ("stun:a:65536", False),
        ("stun:a:port", False),
        ("stun://a", False),
        ("turn:a?transport=", False),
        ("turn:a?x=1", False),
        ("http://a", False),
        ("stun:a\n", False),
        ("stun:" + "a" * 600, False),
    ],
)
def test_addresses_of_servers(url: str, usable: bool) -> None:
    assert usable_server(url) is usable


HOST = "842163049 1 udp 1677729535 192.0.2.7 46154 typ host generation 0"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (HOST, HOST),
        ("candidate:" + HOST, HOST),
        ("a=candidate:" + HOST, HOST),
        (" candidate:" + HOST + " ", HOST),
        ("candidate:f 2 TCP 9 fe80::1%eth0 9 typ relay", "f 2 TCP 9 fe80::1%eth0 9 typ relay"),
        ("candidate:f 1 udp 9 a-b.local 0 typ srflx raddr 0.0.0.0 rport 0",) * 2,
    ],
)
def test_a_candidate_loses_its_prefix(text: str, bare: str) -> None:
    checked = check_candidate(IceCandidate(text, "0", 0))
    assert checked == IceCandidate(bare.removeprefix("candidate:"), "0", 0)


@pytest.mark.parametrize("text", ["", " ", "candidate:", "a=candidate: "])
def test_the_end_of_the_candidates(text: str) -> None:
    assert check_candidate(IceCandidate(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "candidate:f 1 udp 9 192.0.2.7 46154",
        "candidate:f 1 udp 9 192.0.2.7 46154 kind host",
        "candidate:f 1 udp 9 192.0.2.7 65536 typ host",
        "candidate:f 1 udp 9 192.0.2.7 -1 typ host",
        "candidate:f x udp 9 192.0.2.7 1 typ host",
        "candidate:f 1 udp 99999999999 192.0.2.7 1 typ host",
        "candidate:f 1 udp 9 192.0.2.7\r\na=evil 1 typ host",
        "candidate:" + HOST + "\r\na=evil",
        "candidate:" + HOST + "\ra=evil",
        "candidate:" + HOST + " x" * 1000,
        "end-of-candidates",
    ],
)
def test_what_is_no_candidate(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        check_candidate(IceCandidate(text))


@pytest.mark.parametrize("sdp", [SDP, SDP.replace("\r\n", "\n"), "v=0\r\ns=-\r\n" + SDP])
def test_a_description(sdp: str) -> None:
    check_sdp(sdp)


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "does not begin with v=0"),
        ("v=1\r\n", "does not begin with v=0"),
        ("hello " + SDP, "does not begin with v=0"),
        (SDP + "\0", "NUL"),
        (SDP.replace("m=", "x="), "no line m="),
        (SDP.replace("a=ice-ufrag:", "a=x:"), "no line a=ice-ufrag:"),
        (SDP.replace("a=ice-pwd:", "a=x:"), "no line a=ice-pwd:"),
        (SDP.replace("a=fingerprint:", "a=x:"), "no line a=fingerprint:"),
        (SDP + "x" * MAX_SDP, "longer than"),
        (SDP + "a=x\r\n" * MAX_DESCRIPTION_LINES, f"more than {MAX_DESCRIPTION_LINES} lines"),
    ],
)
def test_what_is_no_description(sdp: str, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        check_sdp(sdp)
