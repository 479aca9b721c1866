"""The synchronous API is whole: what the async one offers, it offers, with the same parameters."""

import inspect
import re
import typing
from typing import Any

import pytest

import odyssey
import odyssey.sync

ELSEWHERE = {
    "ConcurrencyLimit": "is given to clients, synchronous ones too",
    "SessionLimit": "is what such a limit has to offer",
    "MotionJpeg": "has a WSGI application already",
}
"""What has coroutines, and no mirror."""

NOT_MIRRORED = {
    "LiveStream": {"put", "close"},
    "EventStream": {"put"},
    "FrameReader": {"attach", "unsettled", "ending", "end"},
    "VideoRecorder": {"attach", "close"},
    "SpectatorConnection": {"put", "close", "connect", "peer_connection"},
}
"""What the library itself uses, and what only says that it is not to be had."""

OTHER_NAMES = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}

ASYNC_WORDS = re.compile(r"\bawait|\basync\b(?!io)|anyio\.sleep|\banext\b|`aclose`|\btasks?\b")


def has_coroutines(value: Any) -> bool:
    if not inspect.isclass(value):
        return inspect.iscoroutinefunction(value)
    return any(inspect.iscoroutinefunction(each) for each in vars(value).values())


def test_everything_with_coroutines_has_its_mirror() -> None:
    asynchronous = {name for name in odyssey.__all__ if has_coroutines(getattr(odyssey, name))}
    assert asynchronous - ELSEWHERE.keys() == set(odyssey.sync.__all__) - {"fail_after"}


def members(kind: type[Any]) -> dict[str, Any]:
    """Returns what is public of a class, and what makes it an iterator or a context manager."""
    found = dict(inspect.getmembers_static(kind))
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("_") or name in {*OTHER_NAMES, *OTHER_NAMES.values()}
        if not isinstance(value, classmethod)
    }


def plain(value: Any) -> Any:
    return value.fget if isinstance(value, property) else value


CLASSES = [name for name in odyssey.sync.__all__ if inspect.isclass(getattr(odyssey.sync, name))]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_offers_what_the_async_one_does(name: str) -> None:
    ours, theirs = members(getattr(odyssey.sync, name)), members(getattr(odyssey, name))
    for member, value in theirs.items():
        if member in NOT_MIRRORED.get(name, ()):
            continue
        mirrored = ours[OTHER_NAMES.get(member, member)]
        assert isinstance(mirrored, property) == isinstance(value, property), member
        assert parameters(plain(mirrored)) == parameters(plain(value)), member
        assert not inspect.iscoroutinefunction(mirrored), member


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", ["Odyssey", "connect_to_stream", "diagnose"])
def test_what_begins_a_loop_takes_a_backend_besides(name: str) -> None:
    ours, theirs = parameters(getattr(odyssey.sync, name)), parameters(getattr(odyssey, name))
    assert ours == [*theirs, ("backend", inspect.Parameter.KEYWORD_ONLY, "asyncio")]


@pytest.mark.parametrize("name", odyssey.sync.__all__)
def test_what_is_said_is_about_programs_without_a_loop(name: str) -> None:
    value = getattr(odyssey.sync, name)
    said = [value.__doc__ or ""]
    if inspect.isclass(value):
        said += [each.__doc__ or "" for member, each in members(value).items() if not member.startswith("_")]
    assert [line for text in said for line in text.splitlines() if ASYNC_WORDS.search(line)] == []


CALLED = re.compile(r"[\w.]+(?=\()")
"""What an example calls."""


@pytest.mark.parametrize("name", CLASSES)
def test_examples_call_what_those_of_the_async_one_call(name: str) -> None:
    ours, theirs = said(getattr(odyssey.sync, name)), said(getattr(odyssey, name))
    known = {*CALLED.findall(theirs), "next", "time.sleep", "job.wait"}
    assert set(CALLED.findall(ours)) <= known


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_private_is_named(name: str) -> None:
    kinds = [
        kind for kind in getattr(odyssey.sync, name).__mro__ if kind.__module__.startswith("odyssey.sync")
    ]
    assert [word for kind in kinds for word in re.findall(r"`_[a-z]\w*`|`check`", said(kind))] == []


def said(kind: type[Any]) -> str:
    """Returns every docstring of a class."""
    return "\n".join([kind.__doc__ or "", *(plain(each).__doc__ or "" for each in members(kind).values())])


@pytest.mark.parametrize("name", CLASSES)
def test_its_types_are_those_of_the_async_one(name: str) -> None:
    for member, value in members(getattr(odyssey.sync, name)).items():
        theirs = members(getattr(odyssey, name)).get(member)
        if theirs is None:
            continue
        kept = [words(typing.get_type_hints(plain(each))) for each in (value, theirs)]
        assert kept[0] == kept[1], member


def words(hints: dict[str, Any]) -> dict[str, str]:
    """Returns types without where they are from, by which a mirror differs from its original."""
    return {name: re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", str(hint)) for name, hint in hints.items()}
