"""The examples that are applications: each runs as its users run it, against one local service."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from house.inspector import inspected
from websockets.sync.client import ClientConnection, connect

from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with in_thread(serve(ServiceConfig())) as service:
        yield {**os.environ, "ODYSSEY_API_URL": service.url, "ODYSSEY_API_KEY": "ody_example"}


# --- web_app --------------------------------------------------------------------------------------


@contextmanager
def web_app(environment: dict[str, str]) -> Iterator[str]:
    """Runs the web application, and stops it as a terminal does: it ends cleanly, whoever is still there."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / "web_app/app.py"), "--port", "0"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as lines:
        try:
            address = next(found[0] for line in lines if (found := re.search(r"http://[\d.:]+", line)))
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            said = lines.read()
            assert process.wait(20) == 0
    assert re.search("ERROR|WARNING|Traceback", said) is None, said


@contextmanager
def browser(address: str) -> Iterator[httpx.Client]:
    """Opens the page, and keeps the cookie that comes with it."""
    with httpx.Client(base_url=address, timeout=20) as client:
        client.get("/").raise_for_status()
        yield client


def open_page(client: httpx.Client) -> ClientConnection:
    """Opens the socket of the page."""
    cookie = {"Cookie": f"browser={client.cookies['browser']}"}
    return connect(f"{client.base_url}/session".replace("http", "ws"), additional_headers=cookie)


def until(socket: ClientConnection, **wanted: Any) -> dict[str, Any]:
    """Returns the first status that says so."""
    while True:
        status: dict[str, Any] = json.loads(socket.recv(timeout=20))
        if wanted.items() <= status.items():
            return status


def see_pictures(video: httpx.Response, count: int) -> None:
    """Reads a video until so many pictures have begun."""
    received = b""
    for part in video.iter_raw():
        received += part
        if received.count(b"Content-Type: image/jpeg") >= count:
            return
    raise AssertionError("the video has ended")


def test_each_browser_has_a_session_and_waits_for_its_place(environment: dict[str, str]) -> None:
    # The application is stopped first, while a viewer is still there.
    with ExitStack() as stack, web_app({**environment, "PLACES": "1"}) as address:
        first, second = (stack.enter_context(browser(address)) for _ in range(2))
        with open_page(first) as page:
            until(page, state="live")
            with first.stream("GET", "/video/") as video:
                assert video.headers["content-type"].startswith("multipart/x-mixed-replace")
                see_pictures(video, 2)
            applied = first.post("/prompt", json={"prompt": "Night falls"}).json()["applied"]
            assert applied.startswith("Night falls")
            until(page, prompt=applied)
        # A reload keeps the session.
        with open_page(first) as page:
            assert json.loads(page.recv(timeout=20)).items() >= {"state": "live", "prompt": applied}.items()
            waiting = stack.enter_context(open_page(second))
            until(waiting, state="waiting", ahead=0)
            refused = second.post("/prompt", json={"prompt": "Night falls"})
            assert (refused.status_code, refused.json()["code"]) == (409, "state.not_connected")
        until(waiting, state="live")
        assert first.post("/prompt", json={"prompt": "Night falls"}).status_code == 404
        see_pictures(stack.enter_context(second.stream("GET", "/video/")), 2)


@pytest.mark.long
def test_the_page_shows_the_video_and_sends_prompts(environment: dict[str, str]) -> None:
    with web_app(environment) as address, inspected(address) as page:
        page.until("document.querySelector('#video')?.naturalWidth === 1280")
        page.run("document.querySelector('input').value = 'Night falls'")
        page.run("document.querySelector('form').requestSubmit()")
        page.until("document.querySelector('#state').textContent.startsWith('Night falls')")
        assert page.run("document.querySelector('input').value") == ""
        assert page.troubles == []


# --- game_loop ------------------------------------------------------------------------------------

PLAYER = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
import game, pygame

brightness = 0
flip = pygame.display.flip

def measured_flip():
    global brightness
    brightness = max(pygame.transform.average_color(pygame.display.get_surface()))
    flip()

def play(world):
    while brightness <= 30:
        time.sleep(0.02)
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RIGHT))
    while not world.message.startswith(game.KEYS[pygame.K_RIGHT]):
        time.sleep(0.02)
    print(world.message)
    pygame.event.post(pygame.event.Event(pygame.QUIT))

class World(game.World):
    def __enter__(self):
        threading.Thread(target=play, args=(self,)).start()
        return super().__enter__()

pygame.display.flip = measured_flip
game.World = World
game.main()
"""
"""Plays the game: waits until its window is no longer dark, presses a key, and closes it."""


def test_keys_of_a_game_become_prompts(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PLAYER, str(EXAMPLES / "game_loop")],
        env={**environment, "SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Turn to the right")


def test_a_world_that_ends_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    world = runpy.run_path(str(EXAMPLES / "game_loop" / "world.py"))["World"]
    monkeypatch.setitem(world.__init__.__globals__, "ReconnectPolicy", lambda **_: None)
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_local")
    with in_thread(serve(ServiceConfig(stream_seconds=0.3))) as service:
        monkeypatch.setenv("ODYSSEY_API_URL", service.url)
        with world("A cat") as playing:
            ends = time.monotonic() + 20
            while "limit" not in playing.message and time.monotonic() < ends:
                time.sleep(0.02)
            assert "the stream reached its limit" in playing.message


# --- story ----------------------------------------------------------------------------------------

STORY = EXAMPLES / "story/story.py"
SCRIPT = """
scenes:
  - {prompt: A cat, caption: "Once\\n\\n& once <only>", seconds: 0.5}
  - {prompt: It runs, seconds: 0.5}
  - {prompt: A dog, caption: The end., seconds: 0.5, cut: true}
"""


def test_a_script_becomes_a_film_with_subtitles(environment: dict[str, str], tmp_path: Path) -> None:
    script, video = tmp_path / "script.yaml", tmp_path / "film.webm"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(STORY), str(script), str(video)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    scenes = [line.partition(" s  ")[2] for line in done.stdout.splitlines()[:3]]
    assert scenes == ["A cat", "It runs", "A dog"]
    head, first, last = video.with_suffix(".vtt").read_text().split("\n\n")
    assert head == "WEBVTT"
    assert first.splitlines()[1:] == ["Once", "&amp; once &lt;only&gt;"]
    assert last.splitlines()[1] == "The end."
    times = [float(part) for part in re.findall(r"00:00:(\d\d\.\d{3})", first + last)]
    with av.open(video) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    assert times == sorted(times)
    assert times[-1] <= shown[-1] - shown[0] + 0.1


@pytest.mark.parametrize("script", ["scenes: []", "scenes: [{prompt: A cat, second: 3}]", "scenes: [", "3"])
def test_a_script_that_is_wrong_is_refused_before_anything_is_sent(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(script)
    monkeypatch.setattr(sys, "argv", ["story.py", str(path), str(tmp_path / "film.webm")])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(STORY), run_name="__main__")
    assert left.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]
