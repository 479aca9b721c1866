"""Addresses and ids (docs/protocol.md#signaling-address)."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.model.address import http_url, segment, websocket_url


@pytest.mark.parametrize(
    ("address", "rest"),
    [
        ("wss://host", "s://host"),
        ("https://host/", "s://host"),
        ("ws://host:1", "://host:1"),
        ("http://host/a//", "://host/a"),
        ("host", "://host"),
        ("host:80/a/", "://host:80/a"),
        ("[::1]:80", "://[::1]:80"),
        ("Wss://Host", "s://Host"),
        ("localhost:8080", "://localhost:8080"),
    ],
)
def test_both_forms(address: str, rest: str) -> None:
    assert websocket_url(address) == "ws" + rest
    assert http_url(address) == "http" + rest


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/",
        "//host",
        "ws://",
        "ws:///x",
        "ws://?x",
        "ftp://host",
        "javascript://x",
        "ws://ho st",
        "ws://host\r\nx",
        "ws://hóst",
        "ws://host?a=b",
        "ws://host#a",
        "ws://" + "a" * 5000,
        "ws://host\x7f",
        "ws://user@host",
        "ws://user:word@host",
        "user:word@host/a",
        "ws://host:0",
        "ws://host:65536",
        "ws://host:x",
        "ws://:80",
        "ws://[::1",
    ],
)
def test_what_is_no_address(address: str) -> None:
    for form in (websocket_url, http_url):
        with pytest.raises(ValueError, match="the address"):
            form(address)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_a_segment_is_one(identifier: str) -> None:
    if identifier in (".", ".."):
        return
    part = segment(identifier)
    assert unquote(part) == identifier
    assert not set(part) & set("/?#&=+ ")
    assert part.isascii()


@pytest.mark.parametrize("identifier", ["", ".", "..", "\ud800", "a" * 513])
def test_what_is_no_segment(identifier: str) -> None:
    with pytest.raises(ValueError, match="an id"):
        segment(identifier)
