"""The reference: every public name stands on a page, and its docstring says what a caller has to know."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

import griffe
import pytest
from attrs import frozen

import odyssey
from tests.test_docs import DOCS, ROOT
from tests.test_exports import PUBLIC_API

ENTRY = re.compile(r"^::: ([\w.]+)\n((?: {4}.*\n)*)", re.MULTILINE)
HIDDEN = re.compile(r'"!\^\(([\w|]+)\)\$"')
EVERYWHERE = next(line for line in (ROOT / "mkdocs.yml").read_text().splitlines() if "filters: " in line)
"""What is left out of every entry that has no filters of its own."""

PYTEST = ("request", "monkeypatch", "tmp_path")
"""What pytest hands to fixtures."""

LENGTH_OF_TIME = re.compile(r"timeout|seconds|delay|interval|every|ahead|duration")
HANDLER = re.compile(r"on_\w+")


@frozen
class Entry:
    """A name on a page of the reference, and what the page leaves out of it."""

    name: str
    hidden: frozenset[str]
    own_members: bool
    constructed: bool
    """Whether an application makes it."""


def entries() -> Iterator[Entry]:
    for page in sorted((DOCS / "reference").glob("*.md")):
        for name, options in ENTRY.findall(page.read_text() + "\n"):
            found = HIDDEN.search(options if "filters" in options else EVERYWHERE)
            yield Entry(
                name,
                frozenset(found[1].split("|") if found else ()),
                "inherited_members: false" in options,
                "merge_init_into_class: false" not in options,
            )


@pytest.fixture(scope="module")
def source() -> Any:
    """The packages as they are written; nothing of them runs."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    for package in ("odyssey_proto", "odyssey_anyio", "odyssey"):
        loader.load(package)
    return loader.modules_collection


def plain(found: Any) -> Any:
    return found.final_target if found.is_alias else found


def shown(source: Any) -> Iterator[tuple[str, Any]]:
    """Returns everything that the pages show, by its name."""
    for entry in entries():
        thing = plain(source[tuple(entry.name.split("."))])
        yield entry.name, thing
        if thing.is_class:
            inherited = {} if entry.own_members else thing.inherited_members
            for name, member in {**inherited, **thing.members}.items():
                ours = member.path.startswith("odyssey") and plain(member).path.startswith("odyssey")
                if ours and not name.startswith("_") and name not in entry.hidden:
                    yield f"{entry.name}.{name}", plain(member)


def text(thing: Any) -> str:
    return thing.docstring.value if thing.docstring else ""


def functions(source: Any) -> Iterator[tuple[str, Any, str]]:
    """Returns every function that is shown, with its docstring; that of a class has its constructor's too."""
    made = {entry.name for entry in entries() if entry.constructed}
    for name, thing in shown(source):
        if thing.is_function:
            yield name, thing, text(thing)
        elif thing.is_class and name in made and "__init__" in thing.members:
            init = thing.members["__init__"]
            if "dataclass" not in thing.labels:
                yield name, init, text(thing) + text(init)


def test_every_public_name_stands_on_one_page() -> None:
    names = [entry.name for entry in entries()]
    assert len(set(names)) == len(names)
    public = {*odyssey.__all__, *PUBLIC_API} - {"__version__"}
    assert {f"odyssey.{name}" for name in public} - set(names) == set()


def test_everything_that_is_shown_says_what_it_is(source: Any) -> None:
    assert [name for name, thing in shown(source) if not text(thing)] == []


def test_every_parameter_is_named(source: Any) -> None:
    """In backticks; handlers may be left to `OdysseyEventHandlers`, and settings to `Odyssey`."""
    missing = []
    settings = {each.name for each in plain(source["odyssey", "Odyssey"]).members["__init__"].parameters}
    for name, function, said in functions(source):
        for parameter in function.parameters:
            handler = HANDLER.fullmatch(parameter.name) and "`OdysseyEventHandlers`" in said
            setting = parameter.name in settings and "those of `Odyssey`" in said
            if not (
                parameter.name in ("self", "cls", *PYTEST)
                or handler
                or setting
                or f"`{parameter.name}`" in said
            ):
                missing.append(f"{name}: {parameter.name}")
    assert missing == []


def test_every_length_of_time_has_its_unit(source: Any) -> None:
    """A number, by its name; for fields the class may say it for all of them."""
    found, classes = 0, dict(shown(source))
    for name, thing in classes.items():
        parts = (
            [(p.name, p.annotation) for p in thing.parameters]
            if thing.is_function
            else [(thing.name, thing.annotation)]
            if thing.is_attribute
            else []
        )
        said = text(thing) + text(classes.get(name.rpartition(".")[0], thing))
        for part, annotation in parts:
            if LENGTH_OF_TIME.search(part) and re.search(r"\b(int|float)\b", str(annotation)):
                found += 1
                assert re.search(r"second|minute|_ms\b", f"{said} {part}"), f"{name}: {part}"
    assert found > 25


def test_every_call_says_what_it_raises(source: Any) -> None:
    """Whatever is awaited, and whatever is made with arguments that may be wrong."""
    calls = [(name, thing) for name, thing in shown(source) if thing.is_function and "async" in thing.labels]
    assert len(calls) > 25
    assert [name for name, thing in calls if not re.search(r"\b[Rr]aise", text(thing))] == []


MAIN_CALLS = (
    *(
        "Odyssey",
        "Odyssey.connect",
        "Odyssey.start_stream",
        "Odyssey.stream",
        "Odyssey.frames",
        "Odyssey.events",
    ),
    *("Odyssey.statistics", "Odyssey.clip", "Odyssey.record", "Odyssey.simulate", "Odyssey.simulation"),
    *("Odyssey.simulations", "Odyssey.recording", "Odyssey.recordings", "Odyssey.create_client_credentials"),
    *("LiveStream.frames", "LiveStream.interact", "StreamRecording.download", "SimulationJob.progress"),
    *("ConcurrencyLimit", "FrameReader.fresh", "VideoFrame.save", "mjpeg", "diagnose", "connect_to_stream"),
)


def examples(thing: Any) -> list[str]:
    said = text(thing) + (text(thing.members["__init__"]) if "__init__" in thing.members else "")
    return [inspect.cleandoc(f"\n{each}") for each in re.findall(r"```python\n(.*?)```", said, re.DOTALL)]


def test_main_calls_have_an_example(source: Any) -> None:
    named = {name.removeprefix("odyssey."): thing for name, thing in shown(source)}
    assert [name for name in MAIN_CALLS if not examples(named[name])] == []


def test_every_example_is_a_program(source: Any) -> None:
    found = [(name, each) for name, thing in shown(source) for each in examples(thing)]
    assert len(found) > 25
    for name, each in found:
        compile(each, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
