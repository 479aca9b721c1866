"""JSON: what is accepted, what is refused, and that refusals repeat nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import FailureKind, LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.kernel.text import encodable

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)


@given(values)
def test_what_is_written_reads_back(value: object) -> None:
    text = compact(value)
    assert parse(text) == value
    assert parse(text.encode()) == value


def test_text_is_compact_and_plain() -> None:
    assert compact({"a": [1, "é"], "b": None}) == '{"a":[1,"é"],"b":null}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nothing",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        '{"a":1,"a":2}',
        '{"a":{"b":1,"b":1}}',
        "[" * 200_000,
        '{"a":' * 200_000,
        "1" * 5000,
        '{"a":1} x',
        "\ufeff{}",
        b"\xff\xfe{}",
        b'{"secret":"\xc3"}',
        "{'a': 1}",
        '"a\nb"',
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(text)
    assert caught.value.status == 422


def test_a_refusal_keeps_no_hold_of_the_text() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse('{"access_token": "canary", }')
    assert caught.value.__context__ is None
    assert "canary" not in repr(caught.value)


@pytest.mark.parametrize("value", ["\ud800", {"a": ["\udfff"]}, float("nan"), float("inf")])
def test_what_json_cannot_say_is_our_own_fault(value: object) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        compact(value)
    assert caught.value.failure.kind is FailureKind.INVALID


def test_a_value_that_holds_itself_cannot_be_said() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(LocalProtocolError):
        compact(endless)


def test_encodable() -> None:
    assert encodable("")
    assert encodable("é😀")
    assert not encodable("a\ud83d")
