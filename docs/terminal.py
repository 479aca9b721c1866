"""
Terminal sessions of the command line, run on the local service and drawn as pictures.

`python docs/generate.py --terminal` runs them anew and writes `docs/terminal/NAME.svg`.
What differs from run to run is made the same: ports, ids, moments.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent

WIDTH = 100
"""In characters."""

SCRIPT = """\
- timestamp_ms: 0
  start: {prompt: A cat}
- timestamp_ms: 1000
  interact: {prompt: It wakes up}
- timestamp_ms: 2000
  end: {}
"""
"""The script that the sessions play, `script.yaml`."""

SESSIONS: Mapping[str, tuple[str, ...]] = {
    "help": ("odyssey --help",),
    "demo": ("odyssey demo --seconds 1",),
    "stream": (
        "echo 'Pet the cat' | odyssey stream 'A cat' --seconds 3 --out cat.mp4 --trace cat.jsonl",
        "echo 'Pet the cat' | odyssey stream 'A cat' --seconds 1 --json",
    ),
    "simulate": ("cat script.yaml", "odyssey simulate script.yaml --wait --every 1"),
    "recordings": (
        "odyssey recordings list --limit 2",
        "odyssey recordings show $STREAM",
        "odyssey recordings download $STREAM --file video --file thumbnail",
    ),
    "doctor": ("odyssey doctor",),
    "doctor-fault": (
        "odyssey serve --port 8080 --fault lost-media",
        "odyssey doctor --trace doctor.trace",
        "odyssey trace html doctor.trace",
    ),
    "trace": ("odyssey trace show session.jsonl | head -20", "odyssey trace replay session.jsonl"),
    "trace-redact": (
        "odyssey trace redact session.jsonl shared.jsonl --prompts hash",
        "odyssey trace show shared.jsonl | tail -20",
    ),
    "trace-diff": ("odyssey trace diff session.jsonl other.jsonl",),
    "trace-repl": (r"printf 'find prompt\nwhy\nback\nstate\nquit\n' | odyssey trace repl session.jsonl",),
    "serve": ("odyssey serve --port 8080", "odyssey serve --port 8080 --json"),
    "view": ("odyssey view --local --no-open",),
}
"""The commands of each session, in the order in which they are run; all share a folder."""

TRACES: Mapping[str, Path] = {
    "session.jsonl": HERE.parent / "tests" / "traces" / "1" / "good.jsonl",
    "other.jsonl": HERE.parent / "tests" / "traces" / "1" / "cut.jsonl",
}
"""The traces that are in the folder: what is printed of them is the same in each run."""

RUNS_ON = ("odyssey serve", "odyssey view")
"""What is interrupted when it has printed where it is."""

_ID = re.compile(r"\b(?=[a-z]*[0-9])[a-z0-9]{24}\b")
_CHANGING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8080"),
    (re.compile(r"token=[\w-]+"), "token=…"),
    (re.compile(r"port \d+ is open"), "port 8080 is open"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"), "2026-01-01T12:00:00Z"),
)


def record(folder: Path = HERE / "terminal") -> dict[str, Path]:
    """Runs every session and writes its picture; returns where each is."""
    from odyssey.cli.service_settings import FAULTS, NamedFault
    from odyssey_anyio.local.service import in_thread, serve
    from odyssey_proto.service.io.config import ServiceConfig

    faulty = ServiceConfig(faults=[FAULTS[NamedFault.LOST_MEDIA]])
    folder.mkdir(exist_ok=True)
    pictures = {}
    with TemporaryDirectory() as place, in_thread(serve()) as service, in_thread(serve(faulty)) as broken:
        home = Path(place)
        (home / "script.yaml").write_text(SCRIPT)
        for name, trace in TRACES.items():
            shutil.copy(trace, home / name)
        _link(home / "bin")
        environment = {
            **os.environ,
            "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(HERE.parent),
            "ODYSSEY_API_KEY": "ody_local",
            "COLUMNS": str(WIDTH),
        }
        for name, commands in SESSIONS.items():
            environment["ODYSSEY_API_URL"] = broken.url if name == "doctor-fault" else service.url
            printed = [_printed(command, home, environment) for command in commands]
            if name == "stream":
                environment["STREAM"] = _ID.findall(printed[0])[0]
            pictures[name] = folder / f"{name}.svg"
            pictures[name].write_text(drawn(name, commands, printed), encoding="utf-8")
    return pictures


def _link(folder: Path) -> None:
    """Makes `odyssey` the command line of this checkout."""
    folder.mkdir()
    program = folder / "odyssey"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m odyssey "$@"\n')
    program.chmod(0o755)


def _printed(command: str, home: Path, environment: Mapping[str, str]) -> str:
    """Runs a command and returns what it printed; what runs on, a service, is interrupted after a line."""
    runs_on = command.startswith(RUNS_ON)
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}" if runs_on else command],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if runs_on:
            process.send_signal(signal.SIGINT)
        return first + process.stdout.read()


def same(texts: Sequence[str]) -> Iterator[str]:
    """Returns texts of one session without what differs from run to run."""
    ids: dict[str, str] = {}
    for text in texts:
        for pattern, words in _CHANGING:
            text = pattern.sub(words, text)
        for each in _ID.findall(text):
            ids.setdefault(each, f"{'abcdefgh'[len(ids) % 8] * 4}{len(ids):020}")
        yield _ID.sub(lambda found: ids[found[0]], text)


def drawn(name: str, commands: Sequence[str], printed: Sequence[str]) -> str:
    """Returns the picture of a session: each command and what it printed."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=WIDTH, record=True, file=io.StringIO(), highlight=False)
    for command, text in zip(commands, same(printed), strict=True):
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        console.print(Text(text.rstrip() + "\n"))
    svg = console.export_svg(title=f"odyssey {name}", unique_id=f"terminal-{name}")
    # A page loads nothing from elsewhere: whoever looks has a font of fixed width.
    return re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)


def sessions() -> str:
    """Each session for the page: its commands as text, and its picture."""
    parts = []
    for name, commands in SESSIONS.items():
        lines = "\n".join(commands)
        picture = f"![What these commands print](../terminal/{name}.svg)"
        parts.append(f"### Seen: {name}\n\n```bash\n{lines}\n```\n\n{picture}\n")
    return "\n".join(parts)


def commands() -> str:
    """Each command for the page: what it does, its arguments and options, its examples."""
    from importlib import import_module

    import typer

    from odyssey.cli.commands import COMMANDS

    parts = []
    for name in COMMANDS:
        command = typer.main.get_command(import_module(f"odyssey.cli.{name}").app)
        inner = getattr(command, "commands", None)
        if inner is None:
            parts.append(_described(f"odyssey {name}", command))
        else:
            parts.append(f"## odyssey {name}\n\n{command.help}\n")
            parts += [_described(f"odyssey {name} {each}", found, "###") for each, found in inner.items()]
    return "\n".join(parts)


def _described(name: str, command: Any, heading: str = "##") -> str:
    rows = [
        f"| `{_called(each)}` | {each.help} | {_without(each)} |"
        for each in command.params
        if not each.hidden
    ]
    table = ["| argument or option | what it does | without it |", "|---|---|---|", *rows]
    examples = command.epilog.partition("\n")[2]
    return "\n".join(
        [
            f"{heading} {name}",
            "",
            command.help.replace(". ", ".\n"),
            "",
            *table,
            "",
            "```bash",
            examples,
            "```",
            "",
        ]
    )


def _called(each: Any) -> str:
    if each.param_type_name == "argument":
        return f"{each.metavar}"
    value = "" if each.is_flag else f" {each.metavar or each.name.upper()}"
    return f"{', '.join(each.opts)}{value}"


def _without(each: Any) -> str:
    if each.param_type_name == "argument":
        return "needed"
    if isinstance(each.show_default, str):
        return each.show_default
    if each.is_flag or not each.default:
        return "–" if each.is_flag else f"{each.default}"
    values = each.default if isinstance(each.default, list) else [each.default]
    return ", ".join(f"{getattr(value, 'value', value)}" for value in values)
