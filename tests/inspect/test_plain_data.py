"""Any value as plain data for a reader."""

import json
from typing import Any

import pytest
from attrs import frozen

from odyssey.inspect.plain_data import MAX_DEPTH, MAX_ITEMS, MAX_TEXT_CHARS, plain_data
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.events import BroadcastInfo
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import PeerId, PeerState, PeerStateChanged


@frozen
class Odd:
    inner: Any


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (PeerId(3), 3),
        ("text", "text"),
        ("[1, {", "[1, {"),
        ('{"a": [1]}', {"a": [1]}),
        (b"\xff", "�"),
        (b'{"a": 1}', {"a": 1}),
        (PeerState.FAILED, "FAILED"),
        (PeerStateChanged(PeerId(1), PeerState.NEW), {"$": "PeerStateChanged", "peer": 1, "state": "NEW"}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (Secret("hush"), "***"),
        (Odd({1, 2}.__class__), {"$": "Odd", "inner": "<class 'set'>"}),
    ],
)
def test_what_a_reader_sees(value: Any, form: Any) -> None:
    assert plain_data(value) == form
    json.dumps(plain_data(value))


def test_secrets_are_seen_only_where_they_are_pseudonyms() -> None:
    info = BroadcastInfo(None, "https://w.example", "spectator-token")
    assert plain_data(info)["spectator_token"] == "***"
    assert plain_data(info, secrets=True)["spectator_token"] == "spectator-token"
    assert plain_data(Secret("pseudonym"), secrets=True) == "pseudonym"
    assert plain_data(BroadcastInfo(None, "https://w.example", ""))["spectator_token"] == ""


def test_it_is_bounded() -> None:
    deep: Any = []
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    assert "…" in json.dumps(plain_data(deep), ensure_ascii=False)
    assert plain_data("a" * (MAX_TEXT_CHARS + 7)) == "a" * MAX_TEXT_CHARS + "… 7 more characters"
    assert plain_data(list(range(MAX_ITEMS + 3)))[-1] == "… 3 more"
    assert plain_data({str(each): 1 for each in range(MAX_ITEMS + 3)})["…"] == "3 more"
    assert plain_data("[" * 100 + "]" * 100 + " " * 250_000).endswith("more characters")


def test_a_body_that_is_json_is_opened() -> None:
    assert plain_data(HttpReply(200, (), b'{"a": 1}'))["body"] == {"a": 1}
