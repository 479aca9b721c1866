"""The house rules that a machine can see."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("odyssey", "odyssey_anyio", "odyssey_proto", "odyssey_trio_compat")
MAX_FILE_LINES = 400
MAX_FLOORS = 18
"""The longest chain of imports, in modules."""

EXCUSES = re.compile(
    "|".join(("NotImplemented" + "Error", "TO" + "DO", "FIX" + "ME", "pragma" + ": no cover"))
)
_IGNORE, _NOQA = "# type: " + "ignore", "# no" + "qa"
BLANKET = re.compile(rf"{_IGNORE}($|[^\[])|{_IGNORE}\[[^\]]*\]\s*$|{_NOQA}\s*$")
MACHINE = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+)/")
SLEEP = re.compile(r"\b(asyncio|anyio|trio|time)\.sleep\(")


def tracked(*patterns: str) -> list[Path]:
    """Returns the project's files: those git knows, or all of them where git is not at hand."""
    try:
        listed = subprocess.run(
            # Whoever owns the checkout.
            ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "--", *patterns],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout.split("\n")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [
            path
            for pattern in patterns
            for path in ROOT.rglob(f"{pattern}/*" if pattern.endswith("**") else pattern)
            if not any(part.startswith(".venv") or part == "__pycache__" for part in path.parts)
        ]
    return sorted(path for path in found if path.is_file())


def offending(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.fixture(scope="module")
def sources() -> list[Path]:
    return [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in PACKAGES]


def test_one_concept_a_file(sources: list[Path]) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_the_house_stays_easy_to_enter() -> None:
    """What `docs/measure.py` measures, and docs/design.md prints, has bounds."""
    spec = importlib.util.spec_from_file_location("measure", ROOT / "docs" / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    found = measure.modules(PACKAGES)
    arrows = measure.graph(found)
    assert len(found) > 200
    assert measure.circles(arrows) == []
    assert measure.floors(arrows) <= MAX_FLOORS
    assert measure.words_for_a_state(found) == ["State"]
    assert sorted(name for name in found if name.count(".") == 1 and name.startswith("odyssey_anyio.")) == [
        "odyssey_anyio.client",
        "odyssey_anyio.spectator",
    ]


def test_no_stub_and_no_excuse() -> None:
    assert offending(EXCUSES, tracked("*.py")) == []


def test_an_ignored_type_has_its_code_and_its_reason() -> None:
    here = Path(__file__)
    assert offending(BLANKET, [path for path in tracked("*.py") if path != here]) == []


def test_no_path_of_a_machine() -> None:
    here = Path(__file__)
    text = [path for path in tracked() if path.suffix not in {".png", ".jpg", ".mp4", ".lock"}]
    assert offending(MACHINE, [path for path in text if path != here]) == []


def test_core_tests_do_not_sleep() -> None:
    core = [path for path in tracked("*.py") if path.is_relative_to(ROOT / "tests/proto")]
    assert offending(SLEEP, core) == []


def test_every_module_says_what_it_is(sources: list[Path]) -> None:
    import ast

    silent = [
        str(path.relative_to(ROOT))
        for path in sources
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_one_sentence_a_line() -> None:
    """In prose files a full stop ends the line, except in tables, lists of links and code."""
    crowded = []
    for path in tracked("*.md"):
        fenced = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            plain = re.sub(r"`[^`]*`|\([^)]*\)", "", line)
            if not fenced and not line.startswith("|") and re.search(r"[a-z]\. [A-Z]", plain):
                crowded.append(f"{path.relative_to(ROOT)}:{number}")
    assert crowded == []
