"""The garbage collector rests while things are imported, and is found as it was left."""

import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import odyssey
from odyssey_anyio.aio.collector import collector_at_rest
from odyssey_anyio.media import engine

NAME = "collecting"
"""A public name that is not there but here."""

type Load = Callable[[str], None]
"""Imports a module."""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


@pytest.fixture(params=["a public name", "aiortc"])
def load(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Load:
    """The two ways by which much is imported."""

    def for_a_name(module: str) -> None:
        monkeypatch.setattr("odyssey._homes", lambda: {NAME: module})
        getattr(odyssey, NAME)

    def for_media(module: str) -> None:
        monkeypatch.setattr(engine, "import_module", lambda name: __import__(module))
        engine._load()

    return for_a_name if request.param == "a public name" else for_media


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that says whether the collector was on while it was imported."""
    (tmp_path / "collector_seen.py").write_text(f"import gc\n{NAME} = gc.isenabled()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "collector_seen"
    sys.modules.pop("collector_seen", None)
    odyssey.__dict__.pop(NAME, None)


def test_it_rests_while_something_is_imported(load: Load, module: str) -> None:
    load(module)
    assert vars(sys.modules[module])[NAME] is False
    assert gc.isenabled()


def test_it_is_on_again_when_there_is_nothing_to_import(load: Load) -> None:
    with pytest.raises(ImportError):
        load("odyssey_no_such_module")
    assert gc.isenabled()


@pytest.mark.parametrize("name", ["collector_seen", "odyssey_no_such_module"])
def test_it_stays_off_where_the_application_turned_it_off(load: Load, module: str, name: str) -> None:
    gc.disable()
    with suppress(ImportError):
        load(name)
    assert not gc.isenabled()


def test_what_the_application_has_frozen_stays_frozen(load: Load, module: str) -> None:
    gc.freeze()
    load(module)
    assert gc.get_freeze_count() > 0


def test_what_was_made_meanwhile_is_old_and_collected_in_the_end() -> None:
    class Knot:
        pass

    with collector_at_rest():
        knot = Knot()
        knot.itself = knot  # type: ignore[attr-defined]  # what makes it a circle
        seen = weakref.ref(knot)
        del knot
    gc.collect(0)
    assert seen() is not None
    gc.collect()
    assert seen() is None
