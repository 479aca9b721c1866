"""A trace as text: every line says when, who, to whom and what."""

import pytest
from attrs import evolve
from core.traced_sessions import SETTINGS, giving, recorded

from odyssey.inspect.compare import compared
from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.transcript import Text, differences, printable, transcript
from odyssey_proto.seam.commands import Connect, Interact, StartStream
from odyssey_proto.trace import Header, Trace
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted


@pytest.fixture(scope="module")
def trace() -> Trace:
    return recorded()


def plain(line: Text) -> str:
    return "".join(text for text, _ in line)


def test_what_is_of_interest_is_shown_in_order(trace: Trace) -> None:
    first, path, *lines, hidden = map(plain, transcript(TraceCursor(trace, fresh)))
    assert first == "trace of a client, 24 steps in 3.220 s, with its secrets, odyssey test"
    assert path.startswith("first frame after 0.170 s: authenticate 0.020, allocate 0.040, ")
    assert any(line.endswith("── negotiating " + "─" * 24) for line in lines)
    (steered,) = [line for line in lines if "Interact  Pet" in line]
    assert steered == "     3.160  application → client       Interact  Pet the cat"
    assert hidden.endswith(" routine records left out: --all shows everything")
    assert not any("waits: " in line for line in lines)


def test_everything_is_shown_when_asked_for(trace: Trace) -> None:
    lines = [plain(line) for line in transcript(TraceCursor(trace, fresh), everything=True)]
    assert any("waits: " in line for line in lines)
    assert not any("left out" in line for line in lines)
    assert SETTINGS.api_key.reveal() not in "\n".join(lines)


def test_a_trace_without_a_frame_and_one_without_an_end_say_so(trace: Trace) -> None:
    refused = recorded(giving([Connect()]), settings=evolve(SETTINGS, api_url="https://nowhere.example"))
    lines = [plain(line) for line in transcript(TraceCursor(evolve(refused, steps=refused.steps[:2]), fresh))]
    assert lines[1] == "no frame: authenticate 0.020, allocate …"
    cut = [plain(line) for line in transcript(TraceCursor(evolve(trace, ended=False), fresh))]
    assert "The file stops without its end record: lines may be missing." in cut


def test_a_trace_says_whether_its_secrets_are_in_it(trace: Trace) -> None:
    header = evolve(redacted(trace, fresh).header, title="a title", versions=())
    (line,) = map(plain, transcript(TraceCursor(Trace(header), fresh)))
    assert line == "a title of a client, 0 steps in 0.000 s, without secrets"
    assert Header(SETTINGS).redacted is False


def test_differences_are_shown_side_by_side(trace: Trace) -> None:
    other = recorded(giving([Connect(), StartStream("A dog"), Interact("Pet it")]))
    aligned = list(compared(trace, other))
    lines = [plain(line) for line in differences(trace, other, aligned)]
    assert lines[-1].count(" only in the ") == 2
    assert {line[0] for line in lines[:-2]} >= {"-", "~"}
    other_way = [plain(line) for line in differences(other, trace, list(compared(other, trace)))]
    assert {line[0] for line in other_way[:-2]} >= {"+", "~"}
    assert any("'A dog'" in line for line in lines)
    everything = [plain(line) for line in differences(trace, other, aligned, everything=True)]
    assert len(everything) > len(lines)
    same = [plain(line) for line in differences(trace, trace, list(compared(trace, trace)))]
    assert same == ["24 steps the same, 0 changed, 0 only in the first, 0 only in the second"]


def test_nothing_is_printed_that_a_terminal_obeys() -> None:
    assert printable("a\x1b[2Jé\ud800") == "a\\x1b[2Jé\\ud800"
