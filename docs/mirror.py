"""
Writes `odyssey.sync`: for each public class of the async API one that blocks, with the same calls.

Signatures, types and docstrings are those of the source; `docs/generate.py` calls this.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "odyssey" / "sync"


@frozen
class File:
    """A file of mirrors: what it says of itself, and what it mirrors, by module."""

    says: str
    mirrored: dict[str, tuple[str, ...]]


FILES = {
    "iterators": File(
        "Frames, events and pages of lists",
        {
            "odyssey_anyio.media.frame_reader": ("FrameReader",),
            "odyssey_anyio.events.event_stream": ("EventStream",),
            "odyssey_anyio.api.pages": ("Pages",),
        },
    ),
    "stream": File(
        "A stream as a block, and a file of what is received",
        {
            "odyssey_anyio.recorder.video_recorder": ("VideoRecorder",),
            "odyssey_anyio.api.live_stream": ("LiveStream",),
        },
    ),
    "handles": File(
        "Handles on one recording and on one simulation",
        {
            "odyssey_anyio.api.recordings": ("StreamRecording",),
            "odyssey_anyio.api.simulation_job": ("SimulationProgress", "SimulationJob"),
        },
    ),
    "reader_calls": File(
        "Preparing, and readers and recorders of what comes",
        {
            "odyssey_anyio.api.preparation": ("PreparationCalls",),
            "odyssey_anyio.api.readers": ("ReaderCalls",),
        },
    ),
    "stream_calls": File(
        "The calls about streams, recordings and clips",
        {
            "odyssey_anyio.api.streams": ("StreamCalls",),
            "odyssey_anyio.api.recordings": ("RecordingCalls",),
            "odyssey_anyio.api.clips": ("ClipCalls",),
        },
    ),
    "simulation_calls": File(
        "The calls about simulations", {"odyssey_anyio.api.simulations": ("SimulationCalls",)}
    ),
    "client": File(
        "The client",
        {
            "odyssey_anyio.api.credentials": ("CredentialCalls",),
            "odyssey_anyio.client": ("Odyssey",),
        },
    ),
    "spectator": File(
        "Watching a broadcast",
        {"odyssey_anyio.spectator": ("SpectatorConnection", "connect_to_stream")},
    ),
    "diagnosis": File("Finding out where a connection fails", {"odyssey.diagnosis.doctor": ("diagnose",)}),
}

HOMES = {
    name: f"odyssey.sync.{file}"
    for file, each in FILES.items()
    for names in each.mirrored.values()
    for name in names
}
"""Where each mirror is."""

CLIENT = "Odyssey"
RECORDED = "odyssey_anyio.tracing.session_trace"
PARTS = tuple(name for name in HOMES if name.endswith("Calls"))
"""The classes that the client is put together of."""

INTERNAL = {
    "EventStream": ("put",),
    "FrameReader": ("attach", "unsettled", "ending", "end"),
    "LiveStream": ("put", "close"),
    "SpectatorConnection": ("connect", "put", "close", "peer_connection"),
    "VideoRecorder": ("attach", "close"),
}
"""What is for the library itself, or only says that it is not to be had."""

OWNERS = {"Odyssey": "aclose", "SpectatorConnection": "disconnect"}
"""Who has a loop of its own, and what ends it."""

FINISHING = ("aclose", "disconnect", "__aexit__")
"""What may also be called when the loop has ended."""

IN_LOOP = ("account",)
"""Properties that are put together of several values."""

BACKEND = "`backend` says what the loop of this client runs on: `asyncio` or `trio`."

SAYS = {
    "Odyssey": f"""
        It is for programs without an event loop: calls block the thread that makes them, and may come from
        any thread; a loop in a thread of its own does the work.
        Handlers run in threads too, one after another: they may block, and call the client.
        `fail_after` bounds how long calls may take, and Ctrl-C cancels the one that it interrupts.
        {BACKEND}
        Where an event loop runs, and in a process that was forked from that of a client in use, calls raise
        `OdysseyConnectionError`.
    """,
    "connect_to_stream": BACKEND,
    "diagnose": BACKEND,
    "Odyssey.aclose": "The client is of no use then, and neither are its readers.",
}
"""What a docstring says besides."""

WORDS = (
    (r"`async with`", "`with`"),
    (r"\basync with await\b", "with"),
    (r"\basync (with|for|def)\b", r"\1"),
    (
        r"\ban async (context manager|iterator)",
        lambda found: f"{'an' if found[1][0] == 'i' else 'a'} {found[1]}",
    ),
    (r"\b(an|each an) async\b", r"\1"),
    (r"(?<!\w)\(await ([^()]*\(.*?\))\)", r"\1"),
    (r"\bawait ", ""),
    (r"\banext\(", "next("),
    (r"\banyio\.sleep\(", "time.sleep("),
    (r"`aclose`", "`close`"),
    (r"`await job` waits for it as `job.wait\(\)` does.\n *", ""),
    (r"used from several tasks", "used from several threads"),
    (r"otherwise call `disconnect`.\n\n`timeouts`", "otherwise call `close`.\n\n`timeouts`"),
    (r"while another task connects", "while another thread connects"),
    (r"the calls of other tasks", "the calls of other threads"),
    (r"; tasks that share it share the frames", "; threads that share it share the frames"),
    (r"even if the caller is cancelled", "even if the caller is interrupted"),
    (r"a step\n( *)that is cancelled", r"a step\n\1that is interrupted"),
    (r"\n *It blocks, for a second[^.]*\.\n", "\n"),
)
"""How a docstring changes."""


def sources() -> dict[Path, str]:
    """Returns each file of mirrors as it should be."""
    return {FOLDER / f"{name}.py": _formatted(_file(file)) for name, file in FILES.items()}


def _file(file: File) -> str:
    text, origins = "", _origins(RECORDED)
    for module, names in file.mirrored.items():
        origins |= _origins(module)
        nodes = {getattr(node, "name", ""): node for node in _tree(module).body}
        for node in map(nodes.__getitem__, names):
            text += _class(node) if isinstance(node, ast.ClassDef) else _function(node)
    head = f'"""{file.says}; docs/mirror.py generates it from the async API."""'
    return f"{head}\n\n{_imports(text, origins)}\n\n{text}"


@frozen
class Call:
    """A function or method, as a mirror has it."""

    node: Any
    owner: str = ""

    @property
    def returned(self) -> str:
        return ast.unparse(self.node.returns).strip("'\"")

    def head(self, name: str, extra: str = "") -> str:
        """The signature, with `extra` as one more keyword."""
        arguments = ast.unparse(self.node.args)
        if extra:
            arguments += (", " if self.node.args.kwonlyargs else ", *, ") + extra
        return f"def {name}({arguments}) -> {self.returned}:\n"

    @property
    def passed(self) -> str:
        """The arguments as they are handed on."""
        positional = [each.arg for each in self.node.args.args if each.arg != "self"]
        keyword = [f"{each.arg}={_handed(each.arg)}" for each in self.node.args.kwonlyargs]
        return "".join(f", {each}" for each in [*map(_handed, positional), *keyword])

    def docs(self, depth: int) -> str:
        return _docs(self.node, f"{self.owner}.{self.node.name}".lstrip("."), depth)


def _handed(name: str) -> str:
    return f"in_thread({name})" if name.startswith("on_") else name


def _class(node: ast.ClassDef) -> str:
    name = node.name
    parameters = f"[{', '.join(map(ast.unparse, node.type_params))}]" if node.type_params else ""
    arguments = f"[{', '.join(each.name for each in node.type_params)}]" if node.type_params else ""
    own = {each.name: each for each in node.body if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef)}
    if name in PARTS or name == CLIENT:
        bases = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in PARTS]
        base = ", ".join(bases) or f"Mirror[Async{CLIENT}]"
    elif "__anext__" in own:
        item = ast.unparse(own["__anext__"].returns)  # type: ignore[arg-type]  # every function says it
        base = f"Reader[Async{name}{arguments}, {item}]"
    else:
        base = f"Mirror[Async{name}]"
    text = f"class {name}{parameters}({base}):\n{_docs(node, name, 1)}\n"
    if name == CLIENT:
        text += _constructor(own["__init__"])
    for attribute, says, annotation in _attributes(own.get("__init__")):
        text += f"@property\ndef {attribute}(self) -> {annotation}:\n"
        text += f'    """{says}"""\n    return self._original.{attribute}\n\n'
    for each in [*own.values(), *_inherited(name)]:
        text += _member(name, each)
    lines = text.split("\n")
    # The body stands one step to the right.
    starts = (i for i, line in enumerate(lines) if line.startswith(("@property", "def ")))
    begins = next(starts, len(lines))
    body = [f"    {line}" if line else line for line in lines[begins:]]
    return "\n".join([*lines[:begins], *body]) + "\n\n"


def _constructor(node: Any) -> str:
    call = Call(node)
    text = call.head("__init__", 'backend: str = "asyncio"')
    made = f"Async{CLIENT}({call.passed.removeprefix(', ')})"
    return f"{text}    super().__init__(Portal(backend), {made})\n\n"


def _inherited(name: str) -> list[Any]:
    """Returns what the client and a spectator have of a base that is no mirror."""
    if name not in OWNERS:
        return []
    (base,) = (each for each in _tree(RECORDED).body if getattr(each, "name", "") == "Recorded")
    return [each for each in ast.iter_child_nodes(base) if isinstance(each, ast.AsyncFunctionDef)]


def _attributes(init: Any) -> Iterator[tuple[str, str, str]]:
    """Returns the attributes that have a docstring, with it and their types."""
    if init is None:
        return
    types = {each.arg: each.annotation for each in init.args.args}
    for node, after in zip(init.body, init.body[1:], strict=False):
        target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_") and _is_text(after):
            annotation = node.annotation if isinstance(node, ast.AnnAssign) else types[node.value.id]
            yield target.attr, after.value.value, ast.unparse(annotation)


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _member(owner: str, node: Any) -> str:
    name = node.name
    decorators = {ast.unparse(each) for each in node.decorator_list}
    special = name in ("__aenter__", "__aexit__")
    if (
        name in INTERNAL.get(owner, ())
        or "abstractmethod" in decorators
        or (name.startswith("_") and not special)
    ):
        return ""
    call = Call(node, owner)
    original = f"self._original.{name}"
    if "property" in decorators:
        read = f"self._portal.do(lambda: {original})" if name in IN_LOOP else original
        plain = f"@property\n{call.head(name)}{call.docs(1)}"
        return f"{plain}    return {read}\n\n"
    if name == "__aenter__":
        entered = "self._portal.check()" if owner in OWNERS else f"self._portal.call({original})"
        return f"def __enter__(self) -> Self:\n    {entered}\n    return self\n\n"
    if name == "__aexit__":
        return f"{call.head('__exit__')}{_ending(owner, name, call)}\n"
    if isinstance(node, ast.FunctionDef):
        value = _made(call, f"self._portal.do({original}{call.passed})")
        return f"{call.head(name)}{call.docs(1)}    return {value}\n\n"
    mirrored = "close" if name == "aclose" else name
    if name == "save_trace":
        return f"{call.head(name)}{call.docs(1)}    return self._portal.finish({original}{call.passed})\n\n"
    if name in FINISHING:
        return f"{call.head(mirrored)}{call.docs(1)}{_ending(owner, name, call)}\n"
    return f"{call.head(mirrored)}{call.docs(1)}    return self._portal.call({original}{call.passed})\n\n"


def _ending(owner: str, name: str, call: Call) -> str:
    ends = f"self._portal.finish(self._original.{name}{call.passed})"
    if OWNERS.get(owner) == name or (owner in OWNERS and name == "__aexit__"):
        return f"    try:\n        {ends}\n    finally:\n        self._portal.close()\n"
    return f"    {ends}\n"


def _made(call: Call, value: str) -> str:
    """Returns the mirror of a value that has one."""
    kind = call.returned.partition("[")[0]
    return f"{call.returned}(self._portal, {value})" if kind in HOMES else value


def _function(node: Any) -> str:
    call = Call(node)
    head = call.head(node.name, 'backend: str = "asyncio"') + call.docs(1)
    if call.returned not in HOMES:
        return f"{head}    return in_place(backend, async_{node.name}{call.passed})\n\n"
    return (
        f"{head}    portal = Portal(backend)\n    try:\n"
        f"        return {call.returned}(portal, portal.call(async_{node.name}{call.passed}))\n"
        f"    except BaseException:\n        portal.close()\n        raise\n\n"
    )


def _docs(node: Any, name: str, depth: int) -> str:
    text = ast.get_docstring(node) or ""
    for pattern, words in WORDS:
        text = re.sub(pattern, words, text)
    if name in SAYS:
        before, example, after = text.partition("\n\nExample:")
        more = "\n".join(line.strip() for line in SAYS[name].strip().split("\n"))
        text = f"{before}\n\n{more}{example}{after}"
    if not text:
        return ""
    closing = "\n" if "\n" in text else ""
    shown = f'"""{closing}{text}{closing}"""'
    return "\n".join(" " * 4 * depth + line if line else line for line in shown.split("\n")) + "\n"


# --- imports ------------------------------------------------------------------------------------

OURS = {
    "Mirror": "odyssey.sync.mirror",
    "Reader": "odyssey.sync.mirror",
    "in_thread": "odyssey.sync.mirror",
    "Portal": "odyssey.sync.portal",
    "in_place": "odyssey.sync.portal",
    "Self": "typing",
}
"""What mirrors are made of."""


def _origins(module: str) -> dict[str, str]:
    """Returns the module of each name that a module imports or defines."""
    found = {}
    for node in _tree(module).body:
        match node:
            case ast.ImportFrom(module=str(origin), names=names):
                found.update({alias.name: origin for alias in names})
            case ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = module
            case ast.TypeAlias(name=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = module
            case _:
                pass
    return found


def _imports(text: str, origins: dict[str, str]) -> str:
    """Returns the imports of all names that a file uses, and of the originals by names of their own."""
    tree = ast.parse(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used -= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used -= {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    lines = [f"import {name}" for name in ("os", "ssl") if name in used]
    for name in used:
        original = re.sub("^(Async|async_)", "", name)
        if original != name and original in HOMES:
            lines.append(f"from {origins.get(original, 'odyssey_anyio.client')} import {original} as {name}")
        elif home := OURS.get(name) or HOMES.get(name) or origins.get(name):
            lines.append(f"from {home} import {name}")
    return "\n".join(lines)


def _tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_text())


def _formatted(text: str) -> str:
    for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(FOLDER / "mirrored.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text
