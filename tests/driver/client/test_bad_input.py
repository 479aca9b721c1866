"""What the streaming API is given wrongly: a clear error of its own class, and nothing is sent."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from inmemory import World

from odyssey import Odyssey, OdysseyStreamValueError, OdysseyValueError, connect_to_stream, diagnose

pytestmark = pytest.mark.anyio

PROMPTS: list[tuple[Any, str]] = [
    (None, "must be text, not NoneType"),
    (7, "must be text, not int"),
    (b"a cat", "must be text, not bytes"),
    (["a cat"], "must be text, not list"),
    ("\ud800", "an unpaired surrogate"),
    ("a\0cat", "control character U+0000"),
    ("\x1b[31m", "control character U+001B"),
    ("\x7f", "control character U+007F"),
    ("a" * 1_000_001, "the most is 1000000"),
]

CALLS: list[tuple[Callable[[Odyssey], Any], str]] = [
    *((lambda client, each=each: client.start_stream(each), says) for each, says in PROMPTS),
    *((lambda client, each=each: client.interact(each), says) for each, says in PROMPTS),
    (lambda client: client.interact(""), "prompt is empty"),
    (lambda client: client.interact(" \n\t"), "prompt is empty"),
    (lambda client: client.start_stream("a", portrait="no"), "portrait must be True or False, not 'no'"),
    (lambda client: client.start_stream("a", portrait=1), "portrait must be"),
    (lambda client: client.start_stream("a", broadcast="yes"), "broadcast must be"),
    (lambda client: client.start_stream("a", bypass_prompt_expansion=0), "bypass_prompt_expansion must be"),
    (lambda client: client.start_stream("a", image=7), "not int"),
    (lambda client: client.start_stream("\0", image="/nowhere"), "control character"),
    (lambda client: client.stream(7).__aenter__(), "must be text"),
]


@pytest.mark.parametrize("number", range(len(CALLS)), ids=lambda number: CALLS[number][1])
async def test_a_stream(client: Odyssey, world: World, number: int) -> None:
    call, says = CALLS[number]
    await client.connect()
    await client.start_stream("fine, \t\r\n and ünïcödé 🐈")
    if "interact" not in call.__code__.co_names:
        await client.end_stream()
    before = list(world.received)
    with pytest.raises(OdysseyStreamValueError) as caught:
        await call(client)
    assert isinstance(caught.value, ValueError)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200
    assert caught.value.phase in ("start", "interact")
    assert world.received == before
    assert client.is_connected


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "127.0.0.1:8000",
        "ftp://host",
        "ws://host",
        "http://",
        "http:///path",
        "http://user:password@host",
        "http://host:99999",
        "http://host:port",
        "",
        "http://a host",
        "http://host/\r\nx: y",
        "http://host/?query=1",
        "http://host/#fragment",
        "http://höst",
        "http://host/" + "a" * 20_000,
        7,
        b"http://host",
    ],
    ids=lambda url: repr(url)[:30],
)
async def test_the_address_of_the_service(url: Any) -> None:
    with pytest.raises(OdysseyValueError) as caught:
        Odyssey("ody_test", api_url=url)
    assert (caught.value.code, caught.value.retryable) == ("api_url.invalid", False)
    assert "password" not in str(caught.value)


async def test_the_address_of_the_service_may_have_a_path_and_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ODYSSEY_API_URL", "nonsense")
    with pytest.raises(OdysseyValueError):
        Odyssey("ody_test")
    assert Odyssey("ody_test", api_url="https://host.example:8443/base/")
    # One that is set to nothing is none.
    monkeypatch.setenv("ODYSSEY_API_URL", "")
    assert Odyssey("ody_test")


@pytest.mark.parametrize("name", ["on_connected", "on_video_frame", "on_error"])
@pytest.mark.parametrize("handler", [7, "print", []])
async def test_a_handler(client: Odyssey, world: World, name: str, handler: Any) -> None:
    with pytest.raises(OdysseyValueError, match=f"{name} must be a function or None, not"):
        await client.connect(**{name: handler})
    assert not world.asked


def pictures(_: object) -> Iterator[None]:
    yield


async def pictures_later(_: object) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("handler", [pictures, pictures_later, partial(pictures, None)])
async def test_a_handler_of_which_a_call_would_run_nothing(
    client: Odyssey, world: World, handler: Any
) -> None:
    with pytest.raises(OdysseyValueError, match="on_video_frame has a `yield` in it"):
        await client.connect(on_video_frame=handler)
    assert not world.asked


@pytest.mark.parametrize("name", ["exchanges", "sockets", "media"])
async def test_transports_are_made_by_functions(name: str) -> None:
    with pytest.raises(OdysseyValueError, match=f"{name} must be a function or None, not object"):
        Odyssey("ody_test", **{name: object()})  # type: ignore[arg-type]  # that is the test


async def test_the_transports_of_others_than_a_client() -> None:
    with pytest.raises(OdysseyValueError, match="transports must be Transports or None, not object"):
        await connect_to_stream("https://host/live", "token", transports=object())  # type: ignore[arg-type]  # that is the test
    with pytest.raises(OdysseyValueError, match="media must be a function or None, not object"):
        await diagnose("ody_test", media=object())  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("credentials", [None, {}, "token", {"session_token": "a"}])
async def test_credentials(client: Odyssey, world: World, credentials: Any) -> None:
    with pytest.raises(OdysseyValueError, match="credentials"):
        await client.connect_with_credentials(credentials)
    assert not world.asked
