"""Words of others, made fit for a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.kernel.text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (" two\n words\t", "two words"),
        ("\x1b[31mred", "�[31mred"),
        ("half \ud800", "half �"),
        ("é 😀", "é 😀"),
        ("a" * 5000, "a" * 2000),
    ],
)
def test_a_line(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text(st.characters()), st.integers(1, 50))
def test_it_is_one_printable_line(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert line.isprintable()
    assert len(line) <= longest
