"""Values as what JSON knows."""

from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from attrs import field, frozen

from odyssey_proto.kernel.introspection import PIXELS, SPAN, Value, as_json, html_table
from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import Secret, secret_field


class Colour(Enum):
    RED = ("red", 1)


@frozen
class Inner:
    wait: Span | None = field(default=None, metadata=SPAN)


@frozen
class Outer(Value):
    inner: Inner
    token: str | None = secret_field(default=None)
    wait: Span = field(default=0, metadata=SPAN)
    picture: bytes = field(default=b"", metadata=PIXELS)


def test_a_value_in_a_value() -> None:
    value = Outer(Inner(Span(2_500_000)), "hush", Span(1_000_000), b"1234")
    form = {
        "type": "Outer",
        "inner": {"type": "Inner", "wait": 2.5},
        "token": "***",
        "wait": 1.0,
    }
    assert value.to_dict() == form
    assert value.to_dict(secrets=True) == form | {"token": "hush"}
    assert Outer(Inner()).to_json() == (
        '{"type": "Outer", "inner": {"type": "Inner", "wait": null}, "token": null, "wait": 0.0}'
    )


@pytest.mark.parametrize(
    ("part", "form"),
    [
        (Colour.RED, ["red", 1]),
        (float("inf"), None),
        (1.5, 1.5),
        (True, True),
        (MappingProxyType({1: (2, [3])}), {"1": [2, [3]]}),
        (Secret("hush"), "<Secret>"),
        (b"1234", "<bytes>"),
        (object, "<type>"),
    ],
)
def test_the_parts_of_a_value(part: Any, form: Any) -> None:
    assert as_json(part) == form


def test_a_value_shows_itself_in_a_notebook_and_keeps_its_secrets() -> None:
    shown = Outer(Inner(), "hush")._repr_html_()
    assert shown is not None
    assert "hush" not in shown
    assert shown.startswith("<table><caption>Outer</caption><tr><th>inner</th><td><table><caption>Inner")
    assert "<tr><th>token</th><td>***</td></tr>" in shown


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (None, "–"),
        ([], "–"),
        (0, "0"),
        (False, "False"),
        ("<script>", "&lt;script&gt;"),
        ({"a": '"&'}, "<table><tr><th>a</th><td>&quot;&amp;</td></tr></table>"),
        ({"<b>": 1}, "<table><tr><th>&lt;b&gt;</th><td>1</td></tr></table>"),
        (
            [{"type": "T", "a": 1}, {"type": "T", "a": 2}],
            "<table><tr><th>a</th></tr><tr><td>1</td></tr><tr><td>2</td></tr></table>",
        ),
        ([1, "two"], "1<br>two"),
        (
            [{"a": 1}, {"b": 2}],
            "<table><tr><th>a</th><td>1</td></tr></table><br><table><tr><th>b</th><td>2</td></tr></table>",
        ),
    ],
)
def test_what_stands_as_json_stands_as_html(form: Any, shown: str) -> None:
    assert html_table(form) == shown
