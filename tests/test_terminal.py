"""The terminal sessions of the documentation: there is a picture of each, and they run."""

import html
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from house.command import ran

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def terminal() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_terminal", ROOT / "docs" / "terminal.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(picture: Path) -> str:
    """Returns what is written on a picture, line by line."""
    pieces = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return html.unescape("".join(pieces)).replace("\N{NO-BREAK SPACE}", " ")


def test_each_session_has_a_picture_of_its_commands(terminal: ModuleType) -> None:
    """That the commands exist is seen by the test of all pages: they stand on one as text."""
    for name, commands in terminal.SESSIONS.items():
        text = text_of(ROOT / "docs" / "terminal" / f"{name}.svg")
        for command in commands:
            assert f"$ {command}" in text, f"run: python docs/generate.py --terminal ({name})"


def test_the_picture_of_help_is_current(terminal: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(terminal.WIDTH))
    printed = ran("--help").stdout.strip()
    shown = text_of(ROOT / "docs" / "terminal" / "help.svg").partition("$ odyssey --help")[2].strip()
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in printed.splitlines()
    ], "run: python docs/generate.py --terminal"


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
        "doctor-fault": "media connection: the streamer closed a data channel.",
        "trace": "all the same again",
        "serve": "ODYSSEY_API_URL=http://127.0.0.1:8080",
    }.items():
        assert words in seen[name]
        assert "Traceback" not in seen[name]
    assert "✗" not in seen["doctor"]
