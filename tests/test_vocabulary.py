"""
One vocabulary: the words of docs/glossary.md, and none of those that went.

A word is looked for as a whole word and as a part of a name, so `told` is found in `_was_told` and
`Farewell` in `FarewellState`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import ROOT, tracked

PLACES = (
    "odyssey",
    "odyssey_anyio",
    "odyssey_proto",
    "odyssey_trio_compat",
    "benchmarks",
    "docs",
    "examples",
    "tests",
    "README.md",
    "CHANGELOG.md",
)

WENT = {
    "beat": "keepalive, interval",
    "told": "reported, shown, distinguished, asked",
    "heard": "received",
    "noticed": "reported, found out",
    "doubtful": "uncertain",
    "farewell": "release, goodbye",
    "footage": "film, video",
    "hopeless": "not retryable",
    "hurry": "the fast mode of a replay",
    "hurried": "the fast mode of a replay",
    "lasting": "restarted until done",
    "outlast": "survive, take longer than",
    "parting": "release, close",
    "regret": "undo, abandon",
    "stumble": "fail",
    "stray": "unexpected",
    "tape": "trace, buffer",
    "visit": "session, connection",
}
"""Each word that went, in all its endings, and what is said instead."""

OLD_NAMES = {
    "Approach": "Connector",
    "Breakage": "TransportError",
    "Broke": "TransportErrorKind",
    "Described": "LocalDescription",
    "ExchangeBroke": "ExchangeError",
    "Feed": "FrameFanout, EventPublisher",
    "Held": "HeldResources",
    "Party": "Fault",
    "PeerBroke": "PeerFailed",
    "PeerMoved": "PeerStateChanged",
    "Travel": "TraceCursor",
    "Waiters": "PendingReplies",
    "Why": "FailureKind",
}
"""Each class that has another name now; as words of English they are allowed."""

VAGUE = re.compile(
    r"^_?(LONGEST|SHORTEST|MOST|LEAST|DEEPEST|LATEST|GRACE|IDLE|POLL|TRIES|MARGIN|PACE|GAP|TICKS|PAUSE)\b"
)
"""Constants that do not say of what they are a bound, or in which unit."""

ENDINGS = "s|es|d|ed|r|ing|ly|ness|ful"
WORD = re.compile(rf"(?:{'|'.join(word.removesuffix('e') + 'e?' for word in WENT)})(?:{ENDINGS})?")
PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NAMES = "|".join(OLD_NAMES)
NAME = re.compile(rf"\bclass (?:{NAMES})\b|\b(?:{NAMES})[].(|]|: (?:{NAMES})\b")


def searched(*endings: str) -> Iterator[Path]:
    for path in tracked(*endings):
        name = path.relative_to(ROOT).as_posix()
        here = path == Path(__file__)
        if name.startswith(PLACES) and not here:
            yield path


def gone(line: str) -> list[str]:
    """Returns the words of a line that went."""
    return [part for part in PART.findall(line) if WORD.fullmatch(part.lower())]


def test_the_words_that_went() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {', '.join(words)}: {line.strip()}"
        for path in searched("*.py", "*.pyi", "*.md", "*.toml", "*.html", "*.js")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (words := gone(line))
    ]
    assert found == []


@pytest.mark.parametrize("pattern", [NAME, VAGUE])
def test_the_names_that_went(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in searched("*.py", "*.pyi")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("was_told = HEARD_OF", ["told", "HEARD"]),
        ("class FarewellState: a stumbling visitor", ["Farewell", "stumbling"]),
        ("outlasts regrets, hopelessly", ["outlasts", "regrets", "hopelessly"]),
        ("behold the threshold; unheard-of blasting; strayed", ["strayed"]),
        ("astray, hurricane, revisited, tapestry", []),
    ],
)
def test_the_search_finds_words_and_parts_of_names(line: str, words: list[str]) -> None:
    assert gone(line) == words


def test_no_word_of_the_glossary_went() -> None:
    terms = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert len(terms) > 60
    assert [term for term in terms if gone(term)] == []


def test_every_word_of_the_glossary_is_used() -> None:
    """In a name or in a sentence of the packages."""
    terms = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    words = {word for term in terms for word in re.findall(r"[A-Za-z ]+", term) if word.strip()}
    packages = " ".join(
        " ".join(PART.findall(path.read_text())).lower()
        for path in tracked("*.py")
        if path.relative_to(ROOT).parts[0] in PLACES[:4]
    )
    assert [word for word in sorted(words - {"word", "verb"}) if word.strip().lower() not in packages] == []
