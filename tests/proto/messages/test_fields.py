"""Reading JSON objects field by field."""

from collections.abc import Callable
from typing import Any

import pytest

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.fields import Fields, parse_object


def fields(**values: Any) -> Fields:
    return Fields(values)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (Fields.text, "", ""),
        (Fields.text, "é", "é"),
        (Fields.identifier, "A-z.0~_", "A-z.0~_"),
        (Fields.secret, "eyJ.a-b_c", Secret("eyJ.a-b_c")),
        (Fields.whole, 3, 3),
        (Fields.whole, 3.0, 3),
        (Fields.whole, -(2**53), -(2**53)),
        (Fields.list, [1], [1]),
    ],
)
def test_a_field_that_must_be_there(read: Callable[[Fields, str], Any], value: Any, expected: Any) -> None:
    assert read(fields(x=value), "x") == expected


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (Fields.text, 1, "x is not text"),
        (Fields.text, None, "x is not text"),
        (Fields.text, "\ud800", "x is not text"),
        (Fields.identifier, "", "x is not an id"),
        (Fields.identifier, "..", "x is not an id"),
        (Fields.identifier, "a" * 513, "x is not an id"),
        (Fields.identifier, [], "x is not text"),
        (Fields.secret, "", "x is not a token of printable ASCII"),
        (Fields.secret, "a b", "x is not a token of printable ASCII"),
        (Fields.secret, "a\r\nx-evil: 1", "x is not a token of printable ASCII"),
        (Fields.secret, "é", "x is not a token of printable ASCII"),
        (Fields.secret, "a" * 20_000, "x is not a token of printable ASCII"),
        (Fields.whole, True, "x is not a number"),
        (Fields.whole, "3", "x is not a number"),
        (Fields.whole, 3.5, "x is not a whole number"),
        (Fields.whole, 2**53 + 1, "x is not a whole number"),
        (Fields.whole, 10**400, "x is not a number"),
        (Fields.list, {}, "x is not a list"),
        (Fields.object, [], "x is not an object"),
        (Fields.objects, [{}, 1], "x[1] is not an object"),
    ],
)
def test_a_field_that_is_wrong(read: Callable[[Fields, str], Any], value: Any, words: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(fields(x=value), "x")
    assert str(caught.value) == words
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "read", [Fields.text, Fields.identifier, Fields.secret, Fields.whole, Fields.list, Fields.object]
)
def test_a_field_that_is_missing(read: Callable[[Fields, str], Any]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^x is missing$"):
        read(fields(y=1), "x")


@pytest.mark.parametrize("absent", [{}, {"x": None}])
def test_defaults_stand_in_for_what_is_absent(absent: dict[str, Any]) -> None:
    values = Fields(absent)
    assert not values.has("x")
    assert values.text_or("x", None) is None
    assert values.text_if("x") is None
    assert values.whole_or("x", 7) == 7
    assert values.number_or("x", 1.5) == 1.5
    assert values.flag_or("x", True) is True
    assert values.span_or("x", Span(3)) == 3
    assert values.object_or("x", None) is None
    assert values.objects_if("x") == ()


def test_defaults_do_not_stand_in_for_what_is_wrong() -> None:
    values = fields(x="no")
    assert values.has("x")
    for read in (values.whole_or, values.number_or, values.flag_or, values.span_or, values.object_or):
        with pytest.raises(RemoteProtocolError):
            read("x", None)  # type: ignore[arg-type]  # the default does not matter here
    assert fields(x=1).text_if("x") is None


@pytest.mark.parametrize("span", [-1, 10**10, 1e200])
def test_a_span_has_bounds(span: float) -> None:
    with pytest.raises(RemoteProtocolError, match="x is not a number of seconds"):
        fields(x=span).span_or("x", Span(0))


def test_optional_fields_that_are_there() -> None:
    values = parse_object('{"t":"a","w":1,"n":2.5,"f":false,"s":1.5,"o":{"in":1},"l":[{},2,{"in":3}]}')
    assert values.names == ("t", "w", "n", "f", "s", "o", "l")
    assert values.text_or("t", None) == "a"
    assert values.whole_or("w", None) == 1
    assert values.number_or("n", None) == 2.5
    assert values.flag_or("f", None) is False
    assert values.span_or("s", Span(0)) == seconds(1.5)
    inner = values.object_or("o", None)
    assert inner is not None
    assert inner.whole("in") == 1
    assert [item.names for item in values.objects_if("l")] == [(), ("in",)]


def test_the_whole_path_is_named() -> None:
    values = parse_object('{"jobs":[{"o":{"x":1}}]}')
    with pytest.raises(RemoteProtocolError, match=r"^jobs\[0\]\.o\.x is not text$"):
        values.objects("jobs")[0].object("o").text("x")


def test_an_address_is_checked_and_kept() -> None:
    def check(text: str) -> None:
        if text == "bad":
            raise ValueError("it is bad")

    assert fields(x="good").address("x", check) == "good"
    with pytest.raises(RemoteProtocolError, match=r"^x: it is bad$"):
        fields(x="bad").address("x", check)


def test_names_are_text_as_well() -> None:
    values = parse_object('{"o":{"\\ud800":1}}')
    assert values.names == ("o",)
    with pytest.raises(RemoteProtocolError, match=r"^a name in o\. is not text$"):
        _ = values.object("o").names
    with pytest.raises(RemoteProtocolError, match=r"^a name in the object is not text$"):
        _ = parse_object('{"\\ud800":1}').names


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="not a JSON object"):
        parse_object(text)


def test_the_repr_tells_no_value() -> None:
    values = parse_object('{"o":{"secret":"canary"}}')
    assert repr(values) == "<Fields . with 1>"
    assert repr(values.object("o")) == "<Fields o. with 1>"
