"""The terminal sessions of the documentation: there is a picture of each, and they run."""

import html
import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest
from house.command import ran

ROOT = Path(__file__).parent.parent
STALE = "run: python docs/generate.py --terminal"


@pytest.fixture(scope="module")
def terminal() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_terminal", ROOT / "docs" / "terminal.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sources() -> list[Path]:
    return [
        path
        for package in ("odyssey", "odyssey_anyio", "odyssey_proto")
        for path in (ROOT / package).rglob("*.py")
    ]


def picture_of(session: str) -> Path:
    return ROOT / "docs" / "terminal" / f"{session}.svg"


def text_of(picture: Path) -> str:
    """Returns what is written on a picture, line by line."""
    pieces = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return html.unescape("".join(pieces)).replace("\N{NO-BREAK SPACE}", " ")


def test_each_session_has_a_picture_of_its_commands(terminal: ModuleType) -> None:
    """That the commands exist is seen by the test of all pages: they stand on one as text."""
    for name, commands in terminal.SESSIONS.items():
        text = text_of(picture_of(name))
        for command in commands:
            # A long one goes on in the next line.
            assert f"$ {command}".replace(" ", "") in re.sub(r"\s", "", text), f"{STALE} ({name})"


def test_the_picture_of_help_is_current(terminal: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(terminal.WIDTH))
    printed = ran("--help").stdout.strip()
    shown = text_of(picture_of("help")).partition("$ odyssey --help")[2].strip()
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in printed.splitlines()
    ], STALE


OF_TRACES = ("trace", "trace-redact", "trace-diff", "trace-repl")

PIPE = re.compile(r"(?:printf '(.*)' \| )?odyssey (.*?)(?: \| (head|tail) -(\d+))?")
"""A command of a session, with what it reads, and which of its lines are shown."""


@pytest.mark.parametrize("name", OF_TRACES)
def test_the_pictures_of_traces_are_current(
    terminal: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their traces are always the same, so what is printed of them is."""
    monkeypatch.setenv("COLUMNS", str(terminal.WIDTH))
    monkeypatch.chdir(tmp_path)
    for file, trace in terminal.TRACES.items():
        shutil.copy(trace, file)
    printed = []
    for command in terminal.SESSIONS[name]:
        found = PIPE.fullmatch(command)
        assert found is not None
        given, arguments, end, count = found.groups("")
        lines = ran(*arguments.split(), given=given.replace(r"\n", "\n")).stdout.splitlines(keepends=True)
        kept = slice(None, int(count)) if end == "head" else slice(-int(count or len(lines)), None)
        printed.append("".join(lines[kept]))
    picture = tmp_path / "now.svg"
    picture.write_text(terminal.drawn(name, terminal.SESSIONS[name], printed), encoding="utf-8")
    assert text_of(picture) == text_of(picture_of(name)), STALE


COMPOSED = {
    "newest none yet",
    "export odyssey_api_url",
    "stun server and",
    "the data channel clienttostreamer closed",
    "odyssey trace html doctor",
}
"""What is put together of several texts of the code."""

DATA = re.compile(r"\d[\d.]*|\s{2,}|[^\w\s]+|https?:\S+|\b[a-z]{4}\d{20}\b")
"""What stands between the words of the code in a line: numbers, ids, addresses, signs."""


def test_what_pictures_say_stands_in_the_code(terminal: ModuleType) -> None:
    """A text that was changed since makes a picture stale; to run the sessions would take a minute."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    # Without docstrings, and with texts in one piece that stand in two lines.
    code = re.sub(r"[\"']\s*\n\s*f?[\"']", "", re.sub(r'"""(?s:.*?)"""', "", code))
    words = f"{code}\n{terminal.SCRIPT}".lower()
    for name in set(terminal.SESSIONS) - {"help", *OF_TRACES}:
        printed = [each for each in text_of(picture_of(name)).splitlines() if not each.startswith("$ ")]
        said = {piece.strip().lower() for line in printed[1:] for piece in DATA.split(line)}
        assert {piece for piece in said - COMPOSED if piece not in words} == set(), f"{STALE} ({name})"


def test_pictures_load_nothing(terminal: ModuleType) -> None:
    pictures = list((ROOT / "docs" / "terminal").glob("*.svg"))
    assert {each.stem for each in pictures} == set(terminal.SESSIONS)
    for picture in pictures:
        assert "url(http" not in picture.read_text(encoding="utf-8").replace("&quot;", "").replace('"', "")


def test_what_differs_from_run_to_run_is_made_the_same(terminal: ModuleType) -> None:
    first = "stream 0123456789abcdefghij0123 at http://127.0.0.1:4711, 2026-11-29T06:41:13.123Z"
    again = "0123456789abcdefghij0123 and 9876543210abcdefghij0123"
    assert list(terminal.same([first, again])) == [
        "stream aaaa00000000000000000000 at http://127.0.0.1:8080, 2026-01-01T12:00:00Z",
        "aaaa00000000000000000000 and bbbb00000000000000000001",
    ]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_sessions_run(terminal: ModuleType, tmp_path: Path) -> None:
    pictures = terminal.record(tmp_path / "terminal")
    seen = {name: text_of(picture) for name, picture in pictures.items()}
    for name, words in {
        "help": "Usage: odyssey",
        "demo": "sheet.png",
        "stream": "prompt applied: Pet the cat",
        "simulate": "completed",
        "recordings": ".jpg",
        # On a busy machine its video may be slow.
        "doctor": "a picture came",
        "doctor-fault": "the streamer closed a data channel.",
        "trace": "all the same again",
        "trace-redact": "shared.jsonl",
        "trace-diff": "steps the same",
        "trace-repl": "(step 14 of 24)",
        "view": "The address is good once",
        "serve": "ODYSSEY_API_URL=http://127.0.0.1:8080",
    }.items():
        assert words in seen[name]
        assert "Traceback" not in seen[name]
    assert "✗" not in seen["doctor"]
