"""Scripts and their rules (docs/protocol.md#simulation-scripts)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.model.script import MAX_MOMENT_SECONDS, End, Interact, Start, from_wire, script, to_wire


def test_builders_and_dicts_say_the_same() -> None:
    built = script([Start("A cat", "data:image/png;base64,AA=="), Interact("It wakes up", at=5), End(at=10)])
    plain = script(
        [
            {"timestamp_ms": 0, "start": {"prompt": "A cat", "image": "data:image/png;base64,AA=="}},
            {"timestamp_ms": 5000, "interact": {"prompt": "It wakes up"}},
            {"timestamp_ms": 10000, "end": {}, "note": "extra"},
        ]
    )
    assert built == plain
    assert built == (Start("A cat", "data:image/png;base64,AA=="), Interact("It wakes up", 5), End(10))


@given(st.integers(0, MAX_MOMENT_SECONDS * 1000))
def test_each_millisecond_comes_back(milliseconds: int) -> None:
    entry = from_wire({"timestamp_ms": milliseconds, "end": {}})
    assert to_wire(entry) == {"timestamp_ms": milliseconds, "end": {}}
    assert End(entry.at) == entry


@given(st.floats(0, MAX_MOMENT_SECONDS))
def test_each_moment_is_on_a_millisecond(at: float) -> None:
    entry = End(at)
    assert from_wire(to_wire(entry)) == entry
    assert abs(entry.at - at) <= 0.000_501


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "a script needs a start and an end"),
        ([Start("x")], "entry 0: a script finishes with an end"),
        ([End(0)], "entry 0: a script begins with a start at 0"),
        ([Start("x", at=1), End(2)], "entry 0: a script begins with a start at 0"),
        ([Start("x"), Interact("y", 5), End(4.999)], "entry 2: it is earlier than the one before it"),
        ([Start("x"), Interact("y", 5)], "entry 1: a script finishes with an end"),
        ([Start("x"), 5], "entry 1: it is not an object"),
        ([Start("x"), {}], "entry 1: timestamp_ms is not a whole number"),
        ([Start("x"), {"timestamp_ms": 1.5, "end": {}}], "entry 1: timestamp_ms is not a whole number"),
        ([Start("x"), {"timestamp_ms": True, "end": {}}], "entry 1: timestamp_ms is not a whole number"),
        ([Start("x"), {"timestamp_ms": -1, "end": {}}], "entry 1: timestamp_ms is not between 0 and"),
        ([Start("x"), {"timestamp_ms": 10**12, "end": {}}], "entry 1: timestamp_ms is not between 0 and"),
        ([{"timestamp_ms": 0}], "entry 0: it needs exactly one of start, interact and end"),
        ([{"timestamp_ms": 0, "start": {}, "end": {}}], "entry 0: it needs exactly one of start"),
        ([{"timestamp_ms": 0, "start": {}}], "entry 0: start has no prompt"),
        ([{"timestamp_ms": 0, "start": []}], "entry 0: start is not an object"),
        ([{"timestamp_ms": 0, "start": {"prompt": 5}}], "entry 0: prompt must be text"),
        ([{"timestamp_ms": 0, "start": {"prompt": "x", "image": 5}}], "entry 0: the image is no data URL"),
        ([Start("x"), {"timestamp_ms": 0, "interact": {}}], "entry 1: interact has no prompt"),
        ([Start("x"), {"timestamp_ms": 0, "end": None}], "entry 1: end is not an object"),
        (
            [Start("x"), {"timestamp_ms": 1, "interact": {"prompt": "y", "image": "z"}}],
            "entry 1: images stand",
        ),
        ([Start("x"), End(1), Interact("y", 2), End(3)], "entry 2: nothing comes after an end"),
        ([Start("x"), End(1), End(1)], "entry 2: nothing comes after an end"),
        ([Start("x")] * 10_001, "a script has at most 10000 entries"),
    ],
)
def test_a_broken_rule_is_named(entries: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        script(entries)


@pytest.mark.parametrize("at", [-1, "5", None, float("nan"), float("inf"), MAX_MOMENT_SECONDS + 1, True])
def test_a_moment_that_is_none(at: Any) -> None:
    with pytest.raises(ValueError, match="at must"):
        Interact("x", at)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (None, "prompt must be text"),
        (5, "prompt must be text"),
        ("\ud800", "prompt contains an unpaired surrogate"),
        ("a\0b", "prompt holds the control character"),
        ("x" * 1_000_001, "prompt has 1000001 characters"),
        ("", "prompt is empty"),
    ],
)
def test_a_prompt_that_cannot_be_sent(prompt: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Interact(prompt, 1)


def test_prompts_are_not_seen() -> None:
    assert "canary" not in repr((Start("canary", "canary"), Interact("canary", 1)))
