"""Lines that are typed, piped, or stand in a file."""

import os
from pathlib import Path

import anyio
import pytest

from odyssey.cli.prompt_line import PromptLine


@pytest.mark.parametrize(
    ("keys", "lines", "left"),
    [
        ("Pet it\n", ["Pet it"], ""),
        ("\n  \nPet it\r\n", ["Pet it"], ""),
        ("Pet it", [], "Pet it"),
        ("Pe\x7f\x7fBrush it\n", ["Brush it"], ""),
        ("Pet the dog\x17cat\n", ["Pet the cat"], ""),
        ("Pet it\x15", [], ""),
        ("\x1b[A\x1b[1;5CPet\x1bOP it\n", ["Pet it"], ""),
        ("möhr → ☃\n", ["möhr → ☃"], ""),
    ],
)
def test_what_is_typed(keys: str, lines: list[str], left: str) -> None:
    line = PromptLine()
    assert (list(line.feed(keys.encode())), line.text) == (lines, left)


def test_a_character_that_comes_in_pieces() -> None:
    line = PromptLine()
    assert [found for byte in "ö→\n".encode() for found in line.feed(bytes([byte]))] == ["ö→"]


@pytest.mark.parametrize(("keys", "ended"), [("\x04", True), ("a\x04", False), ("a\n\x04", True)])
def test_ctrl_d_ends_at_the_beginning_of_a_line(keys: str, ended: bool) -> None:
    line = PromptLine()
    list(line.feed(keys.encode()))
    assert line.ended is ended


@pytest.mark.anyio
async def test_a_pipe_is_read_as_it_is_written() -> None:
    reads, writes = os.pipe()
    found = PromptLine().lines(reads)
    for text in ("Pet it\n", "Brush it"):
        os.write(writes, text.encode())
        if text == "Brush it":
            os.close(writes)
        assert await anext(found) == text.strip()
    assert [line async for line in found] == []
    os.close(reads)


@pytest.mark.anyio
async def test_a_pipe_that_is_silent_can_be_left() -> None:
    reads, writes = os.pipe()
    with anyio.move_on_after(0.05) as waited:
        await anext(PromptLine().lines(reads))
    assert waited.cancelled_caught
    os.close(reads)
    os.close(writes)


@pytest.mark.anyio
async def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "prompts"
    path.write_text("Pet it\nBrush it\n")
    descriptor = os.open(path, os.O_RDONLY)
    assert [line async for line in PromptLine().lines(descriptor)] == ["Pet it", "Brush it"]
    os.close(descriptor)


@pytest.mark.anyio
async def test_what_cannot_be_read_is_at_its_end() -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    assert [line async for line in PromptLine().lines(descriptor)] == []
    os.close(descriptor)
