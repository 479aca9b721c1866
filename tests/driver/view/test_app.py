"""What the buttons of the page do, what they answer, and how the session stands then."""

import base64
import json
from io import BytesIO
from typing import Any

import anyio
import httpx
import pytest
from inmemory import World
from PIL import Image

from odyssey.view.app import MAX_BODY_BYTES
from odyssey.view.live_session import LiveSession
from odyssey_anyio.images.errors import MAX_FILE_BYTES
from odyssey_proto.seam.http import json_reply

pytestmark = pytest.mark.anyio


def data_url(size: tuple[int, int]) -> str:
    file = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


async def press(browser: httpx.AsyncClient, what: str, **given: Any) -> dict[str, Any]:
    answer = await browser.post(f"/{what}", json=given)
    said: dict[str, Any] = answer.json()
    assert (answer.status_code == 200) == (said == {}), answer.text
    return said.get("problem", {})


async def until(session: LiveSession, name: str, value: Any) -> dict[str, Any]:
    """Waits until a part of the state is so, and returns the state."""
    with anyio.fail_after(10):
        while session.state()[name] != value:
            await session.changed.wait()
    return session.state()


async def test_the_page_and_what_belongs_to_it(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for name in ("view.css", "view.js", "connection.js", "plots.js", "icon.svg"):
        assert (await browser.get(f"/{name}")).status_code == 200, name
        assert name in page.text or name in (await browser.get("/view.js")).text
    assert (await browser.get("/../access.py")).status_code == 404
    for inline in ("<style", " style=", " onclick=", "<script>", "http://", "https://"):
        assert inline not in page.text


async def test_a_stream_is_started_steered_and_ended(
    browser: httpx.AsyncClient, session: LiveSession, world: World
) -> None:
    assert session.state()["status"] == "disconnected"
    assert (await browser.get("/trace")).status_code == 404
    assert await press(browser, "start", prompt="A cat", portrait=True, image=data_url((60, 40))) == {}
    assert world.image is not None
    state = await until(session, "streaming", True)
    assert (state["status"], state["problem"]) == ("connected", None)
    assert await press(browser, "interact", prompt="Pet it") == {}
    refused = await press(browser, "interact", prompt="A mouse")
    assert "mouse" not in refused["code"]
    assert refused["message"]
    assert refused["meaning"]
    started, applied, failed = session.state()["prompts"]
    assert (started["text"], started["starts"], started["error"]) == ("A cat", True, None)
    assert started["applied"].startswith("A cat")
    assert (applied["applied"][:6], applied["error"]) == ("Pet it", None)
    assert applied["milliseconds"] >= 0
    assert failed["error"] == refused["message"]
    assert await press(browser, "end") == {}
    await until(session, "streaming", False)
    trace = await browser.get("/trace")
    assert trace.headers["content-disposition"] == 'attachment; filename="odyssey-trace.jsonl"'
    assert "ody_test" not in trace.text
    assert not any(token in trace.text for token in world.tokens)
    assert trace.text.count("\n") > 20
    assert await press(browser, "disconnect") == {}
    assert session.state()["status"] == "disconnected"
    # What happens in the next session is seen as well.
    assert await press(browser, "start", prompt="A dog") == {}
    await until(session, "streaming", True)


async def test_a_lost_service_is_said_in_words_until_there_is_another_session(
    browser: httpx.AsyncClient, session: LiveSession, world: World
) -> None:
    assert await press(browser, "start", prompt="A cat") == {}
    world.hangs_up(1001)
    with anyio.fail_after(10):
        while session.state()["problem"] is None:
            await session.changed.wait()
    state = session.state()
    assert state["streaming"] is False
    assert "signaling connection" in state["problem"]["meaning"]
    assert state["problem"]["advice"].startswith("Connect again")
    assert await press(browser, "connect") == {}
    assert session.state()["problem"] is None
    assert session.state()["status"] == "connected"


async def test_a_connect_that_fails_says_what_to_do(
    session: LiveSession, browser: httpx.AsyncClient, world: World
) -> None:
    world.replies["/auth/token"] = json_reply({"detail": "Invalid API key"}, 401)
    problem = await press(browser, "connect")
    assert problem["code"] == "auth.invalid_key"
    assert "Check the key" in problem["advice"]
    state = session.state()
    assert state["problem"] == problem
    texts = [each["text"] for each in state["happenings"]]
    assert len(texts) == len(set(texts))


async def test_a_connect_can_be_given_up(
    session: LiveSession, browser: httpx.AsyncClient, world: World
) -> None:
    world.stalled.add("/sessions/request")
    async with anyio.create_task_group() as group:
        group.start_soon(press, browser, "connect")
        await until(session, "status", "authenticating")
        assert await press(browser, "disconnect") == {}
    assert session.state()["problem"] is None


async def test_without_pictures_nothing_is_kept(
    browser: httpx.AsyncClient, session: LiveSession, world: World
) -> None:
    for _ in range(2):
        assert await press(browser, "record") == {}
    assert session.state()["recording"] is True
    for _ in range(2):
        assert await press(browser, "stop-recording") == {}
    state = session.state()
    assert (state["recording"], state["recordings"]) == (False, [])
    assert "nothing was recorded" in state["happenings"][-1]["text"]


@pytest.mark.parametrize(
    ("what", "body", "status", "words"),
    [
        ("start", b"no JSON", 400, "no JSON object"),
        ("start", b"\xff\xfe", 400, "no JSON object"),
        ("start", b"[]", 400, "no JSON object"),
        ("start", b"{}", 400, "a prompt is a text"),
        ("interact", b'{"prompt": 1}', 400, "a prompt is a text"),
        ("start", rb'{"prompt": "cat \ud83d"}', 400, "a prompt is a text"),
        ("start", b'{"prompt": "A cat", "image": "/etc/hostname"}', 400, "data URL"),
        ("start", b'{"prompt": "A cat", "image": "data:image/png;base64,AAAA"}', 409, "image"),
        ("interact", b'{"prompt": ""}', 409, "prompt"),
        ("start", b" " * (MAX_BODY_BYTES + 1), 413, ""),
        ("nothing", b"{}", 405, ""),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    browser: httpx.AsyncClient, session: LiveSession, what: str, body: bytes, status: int, words: str
) -> None:
    answer = await browser.post(f"/{what}", content=body)
    assert answer.status_code == status
    if words:
        assert words in answer.json()["problem"]["message"]
    assert json.dumps(session.state(), ensure_ascii=False).encode()


async def test_the_page_knows_how_large_an_image_may_be(browser: httpx.AsyncClient) -> None:
    assert f"MAX_IMAGE_MB = {MAX_FILE_BYTES // 2**20};" in (await browser.get("/view.js")).text


@pytest.mark.parametrize("name", ["missing.mp4", "..%2f..%2fetc%2fhostname"])
async def test_only_recordings_of_this_session_are_given(browser: httpx.AsyncClient, name: str) -> None:
    assert (await browser.get(f"/recordings/{name}")).status_code == 404
