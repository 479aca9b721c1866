"""
Writes the parts of the documents whose source is code: run it after changing one of those.

`python docs/generate.py` writes, `python docs/generate.py --check` tells what is stale.
With `--terminal` it also runs the terminal sessions anew, of which there are pictures, and with
`--notebooks` the notebooks.
A page marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`.
"""

import ast
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]

import mirror  # noqa: E402  # these stand beside this file
import notebook_pages  # noqa: E402
import terminal  # noqa: E402

MARK = re.compile(r"(<!-- generated: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLE = "example "
LANGUAGES = {".html": "html", ".py": "python", ".yaml": "yaml"}


def main() -> int:
    """Brings everything up to date, or tells what is not."""
    if "--terminal" in sys.argv[1:]:
        terminal.record()
    if "--notebooks" in sys.argv[1:]:
        notebook_pages.record()
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in generated().items():
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
    for path in stale:
        print(("stale: " if check else "written: ") + str(path.relative_to(ROOT)))
    return 1 if check and stale else 0


def generated() -> dict[Path, str]:
    """Returns every file that is generated, whole or in part, as it should be."""
    files = pictures() | mirror.sources()
    for page in (ROOT / "README.md", *sorted(HERE.rglob("*.md"))):
        text = page.read_text()
        if MARK.search(text):
            files[page] = MARK.sub(lambda mark: f"{mark[1]}\n{_part(mark[2]).strip()}\n\n{mark[3]}", text)
    return files


def _part(name: str) -> str:
    if name.startswith(EXAMPLE):
        path = ROOT / "examples" / name.removeprefix(EXAMPLE)
        return f"```{LANGUAGES[path.suffix]}\n{path.read_text().strip()}\n```"
    return PARTS[name]()


# --- conversations ------------------------------------------------------------------------------


def conversations() -> str:
    """Each conversation: its picture, and its table."""
    sections = []
    for name, (_, table) in _tables().items():
        rows = [
            f"| {state.name} | {side.name.lower()} | `{message.__name__}` | {after.name} |"
            for (state, side, message), after in table.items()
        ]
        sections += [
            f"## {name.capitalize()}",
            "",
            f"![The conversation of {name}: states and moves](diagrams/{name}.svg)",
            "",
            "| state | who speaks | what | then |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(sections)


def pictures() -> dict[Path, str]:
    """The picture of each conversation."""
    from diagram import draw

    return {
        HERE / "diagrams" / f"{name}.svg": draw(states, table, f"The conversation of {name}")
        for name, (states, table) in _tables().items()
    }


def _tables() -> Mapping[str, tuple[Any, Any]]:
    from odyssey_proto.conversations import signaling, stream

    return {
        "signaling": (signaling.SignalingState, signaling.SIGNALING_TABLE),
        "stream": (stream.StreamState, stream.STREAM_TABLE),
    }


# --- errors -------------------------------------------------------------------------------------


def tree() -> str:
    """The tree of exceptions: each under its first base, its other bases beside it."""
    from odyssey_anyio.errors.classes import OdysseyError

    lines: list[str] = []

    def grow(kind: type[BaseException], depth: int) -> None:
        others = [base.__name__ for base in kind.__bases__[1:]]
        also = f" (also a `{'`, `'.join(others)}`)" if others else ""
        lines.append(f"{'    ' * depth}- `{kind.__name__}`{also}: {_first(kind)}")
        for child in kind.__subclasses__():
            if child.__bases__[0] is kind and child.__module__.startswith("odyssey"):
                grow(child, depth + 1)

    grow(OdysseyError, 0)
    return "\n".join(lines)


def failures() -> str:
    """Each kind of failure, the class it becomes in each kind of call, and what to think of it."""
    from odyssey_anyio.errors.mapping import Calling, error_of
    from odyssey_proto.kernel.failures import Failure, FailureKind

    lines = [
        "| failure | connecting | controlling a stream | REST calls | try again | whose doing |",
        "|---|---|---|---|---|---|",
    ]
    for why in FailureKind:
        failure = Failure(why, why.value)
        classes = (type(error_of(failure, calling)).__name__ for calling in _callings(Calling))
        again = "yes" if failure.retryable else "no"
        cells = [why.value.replace("_", " "), *(f"`{name}`" for name in classes), again, failure.fault.value]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _callings(kinds: Any) -> tuple[Any, ...]:
    return kinds.CONNECTION, kinds.STREAM, kinds.REST


def _first(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def flaws() -> str:
    """Each code of an image that cannot be used, and what it means."""
    from odyssey_anyio.images import Flaw

    lines = ["| code | meaning |", "|---|---|"]
    lines += [f"| `{flaw}` | {words} |" for flaw, words in zip(Flaw, _under_members(Flaw), strict=True)]
    return "\n".join(lines)


def _under_members(kind: type) -> list[str]:
    """Returns the texts that stand under the members of an Enum, in order."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts = [ast.literal_eval(each.value) for each in body.body if isinstance(each, ast.Expr)]
    return [" ".join(text.split()) for text in texts[1:]]


def verdicts() -> str:
    """Each code of an error, what it means and what to do about it, as a diagnosis says it."""
    from odyssey.diagnosis.verdicts import VERDICTS, verdict_of
    from odyssey_proto.kernel.failures import Failure, FailureKind

    lines = ["| code | what it means | what to do |", "|---|---|---|"]
    for code in VERDICTS:
        kind = FailureKind(code) if code in set(FailureKind) else FailureKind.STATE
        said = verdict_of(Failure(kind, "", code=code))
        lines.append(f"| `{code}` | {said.meaning} | {said.advice} |")
    return "\n".join(lines)


# --- the public API -----------------------------------------------------------------------------


def rows(name: str) -> list[dict[str, Any]]:
    """What must be proven, and the tests that do: `public-api` or `defects`."""
    with (HERE / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)["row"]


def public_api() -> str:
    """Every documented name."""
    return _proofs("public-api", "name", "as documented", lambda row: f"`{row['name']}`")


def defects() -> str:
    """Every known defect of the official client."""
    return _proofs("defects", "no.", "what would be wrong", lambda row: str(row["number"]))


def _proofs(name: str, first: str, second: str, key: Callable[[dict[str, Any]], str]) -> str:
    sections = []
    for table, members in groupby(rows(name), key=lambda row: row["table"]):
        sections += [f"## {table}", "", f"| {first} | {second} | proven by |", "|---|---|---|"]
        for row in members:
            tests = "<br>".join(f"`{test}`" for test in row["tests"])
            cells = (each.replace("|", "\\|") for each in (key(row), row["says"]))
            sections.append(f"| {' | '.join(cells)} | {tests} |")
        sections.append("")
    return "\n".join(sections)


# --- reliability --------------------------------------------------------------------------------


def faults() -> dict[str, list[dict[str, Any]]]:
    """Every fault of `reliability.toml`, under the title of its kind; a fault without a kind raises."""
    with (HERE / "reliability.toml").open("rb") as file:
        table = tomllib.load(file)
    found: dict[str, list[dict[str, Any]]] = {title: [] for title in table["kinds"].values()}
    for fault in table["fault"]:
        key = next(key for key in table["kinds"] if str(fault["issue"]).startswith(key))
        found[table["kinds"][key]].append(fault)
    return {title: members for title, members in found.items() if members}


def reliability() -> str:
    """What may go wrong, by kind."""
    sections = []
    for title, members in faults().items():
        sections += [f"## {title}", "", "| what happens | what you see | after at most | shown by |"]
        sections.append("|---|---|---|---|")
        for fault in members:
            words = (_phrase(fault[column]) for column in ("what", "sees", "after"))
            tests = "<br>".join(f"`{test}`" for test in fault["tests"])
            sections.append(f"| {' | '.join(words)} | {tests} |")
        sections.append("")
    return "\n".join(sections)


def networks() -> str:
    """What was measured in bad networks, beside an earlier state and the plain client."""
    from benchmarks.networks import table

    return table(json.loads((HERE / "networks.json").read_text()))


def _phrase(words: str) -> str:
    """Returns words as a cell of a table has them: a capital at the beginning, no full stop at the end."""
    return (words[:1].upper() + words[1:]).rstrip(".").replace("|", "\\|")


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": terminal.commands,
    "terminal sessions": terminal.sessions,
    "conversations": conversations,
    "tree": tree,
    "failures": failures,
    "flaws": flaws,
    "verdicts": verdicts,
    "public API": public_api,
    "defects": defects,
    "reliability": reliability,
    "networks": networks,
}


if __name__ == "__main__":
    sys.exit(main())
