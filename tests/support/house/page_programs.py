"""
The programs of a page, and what the page's marks say of them.

A mark is a comment of HTML right before a block of code, which no reader of the page sees:

- `<!-- not run: WHY -->`: it is a fragment, or needs what no test has.
- `<!-- run by: FILE -->`: another test runs it.
- `<!-- generated: example FILE -->`: it is a file of `examples`, and runs there.
- `<!-- file: NAME -->`: it is a file, which what follows may import.

A comment whose first line is `<!-- run` is a program that no reader sees: it prepares what the next block
needs, or looks at what the one before has done.
Of a whole page, `<!-- all run by: FILE -->` says that another test runs it, `<!-- loop: trio -->` that its
top-level `await` is trio's, and `<!-- long -->` that it takes long.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

PIECE = re.compile(
    r"^<!-- (?P<mark>not run|run by|generated|file): (?P<says>[^\n]*?) -->$"
    r"|^<!-- run\n(?P<hidden>.*?)^-->$"
    r"|^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^ *```$"
    r"(?:\n+It prints:?\n+```text\n(?P<printed>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
BETWEEN = re.compile(r"\s*")
HIDDEN, FILE = "hidden", "file"
RUN = ("", HIDDEN, FILE)
"""The marks of blocks that the test of their page runs."""


@frozen
class Block:
    """A block of code on a page, with its mark."""

    language: str
    text: str
    line: int
    mark: str = ""
    says: str = ""
    printed: str | None = None
    """What it prints, if the page says that."""

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return re.search(r"^(async )?def test_", self.text, re.MULTILINE) is not None


@frozen
class Page:
    """A page, its blocks in their order, and what its own marks say."""

    path: Path
    blocks: tuple[Block, ...]
    run_by: str
    on_trio: bool
    long: bool

    @property
    def programs(self) -> list[Block]:
        """What the test of the page runs."""
        runs = [block for block in self.blocks if block.language == "python" and block.mark in RUN]
        return [] if self.run_by else runs


def page(path: Path) -> Page:
    """Reads a page."""
    text = path.read_text()
    lines = {line.strip() for line in text.splitlines()}
    other = re.search(r"^<!-- all run by: (.*) -->$", text, re.MULTILINE)
    return Page(
        path,
        tuple(_blocks(text)),
        other[1] if other else "",
        "<!-- loop: trio -->" in lines,
        "<!-- long -->" in lines,
    )


def _blocks(text: str) -> Iterator[Block]:
    pieces = list(PIECE.finditer(text))
    for at, piece in enumerate(pieces):
        if piece["hidden"] is not None:
            yield Block("python", piece["hidden"], text.count("\n", 0, piece.start("hidden")), HIDDEN)
        elif piece["language"] is not None:
            mark = pieces[at - 1] if at and _adjoin(text, pieces[at - 1], piece) else None
            yield Block(
                piece["language"],
                re.sub(rf"^{piece['indent']}", "", piece["text"], flags=re.MULTILINE),
                text.count("\n", 0, piece.start("text")),
                (mark and mark["mark"]) or "",
                (mark and mark["says"]) or "",
                piece["printed"],
            )


def _adjoin(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    return BETWEEN.fullmatch(text, one.end(), other.start()) is not None


def commands(block: Block) -> Iterator[list[str]]:
    """Returns the arguments of each `odyssey` command in a block of a shell."""
    for line in block.text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        yield from map(_command, _split(list(lexer)))


def _split(words: list[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in [*words, ";"]:
        if set(word) <= set(";&|()<>"):
            yield part
            part = []
        else:
            part.append(word)


def _command(words: list[str]) -> list[str]:
    """Returns the arguments, or nothing where it is another command."""
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    match words:
        case [program, "-m", "odyssey", *arguments] if Path(program).name.startswith("python"):
            return arguments
        case [program, *arguments] if Path(program).name == "odyssey":
            return arguments
        case _:
            return []
