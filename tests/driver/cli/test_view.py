"""`odyssey view`: from the address that it opens to Ctrl-C, with a browser that is a function."""

import base64
import html
import json
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
import av
import httpx
import pytest
from house.command import ran
from PIL import Image
from websockets.sync.client import connect

from odyssey_anyio.local.service import in_thread, serve

KEY = "ody_marked0123456789"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with in_thread(serve()) as local:
        yield local.url


@pytest.fixture(autouse=True)
def environment(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("ODYSSEY_API_URL", service)
    monkeypatch.setenv("ODYSSEY_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Page:
    """What a browser has of the page: its requests, and what comes by the socket."""

    def __init__(self, url: str) -> None:
        address, _, _ = url.partition("?")
        self.url = url
        self._open = ExitStack()
        browser = httpx.Client(base_url=address, follow_redirects=True, headers={"origin": address[:-1]})
        self.http = self._open.enter_context(browser)
        self.text = self.http.get(url).text
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        headers = {"Cookie": cookie, "Origin": address[:-1]}
        live = f"{address.replace('http', 'ws')}live"
        self.socket = self._open.enter_context(connect(live, additional_headers=headers, compression=None))
        self.state: dict[str, Any] = {}
        self.figures: dict[str, Any] = {}
        self.size = (0, 0)
        self.until(lambda: bool(self.state and self.figures))

    def press(self, what: str, **given: Any) -> dict[str, Any]:
        said: dict[str, Any] = self.http.post(f"/{what}", json=given, timeout=30).json()
        return said

    def until(self, seen: Callable[[], bool]) -> None:
        """Shows what comes until something is seen."""
        while not seen():
            message = self.socket.recv(timeout=20)
            if isinstance(message, bytes):
                self.size = Image.open(BytesIO(message[4:])).size
                self.socket.send(f"{int.from_bytes(message[:4])}")
            else:
                said = json.loads(message)
                self.state = said.get("state", self.state)
                self.figures = said.get("figures", self.figures)

    def close(self) -> None:
        self._open.close()


def view(monkeypatch: pytest.MonkeyPatch, *arguments: str, browse: Callable[[Page], None]) -> Any:
    """Runs the command with a browser that ends it by Ctrl-C; what the browser finds wrong is raised."""
    main = threading.main_thread().ident or 0
    wrong: list[BaseException] = []
    pages: list[Page] = []

    def browser(way: str) -> bool:
        try:
            # What stands on a command line is no secret.
            assert "token" not in way
            path = Path(unquote(urlsplit(way).path))
            assert (path.stat().st_mode & 0o077, path.parent.stat().st_mode & 0o077) == (0, 0)
            pages.append(Page(html.unescape(path.read_text().partition("url=")[2].partition('"')[0])))
            browse(pages[0])
        except BaseException as error:  # noqa: BLE001  # raised below, in the test's thread
            wrong.append(error)
        signal.pthread_kill(main, signal.SIGINT)
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    done = ran("view", *arguments)
    for page in pages:
        page.close()
    if wrong:
        raise wrong[0]
    return done


def picture() -> str:
    file = BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 30)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_from_the_first_picture_to_ctrl_c_in_the_middle_of_a_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept: dict[str, Any] = {}

    def recorded(page: Page) -> None:
        assert page.press("record") == {}
        page.until(lambda: (page.figures["recorded"] or 0) > 0.2)

    def browse(page: Page) -> None:
        assert '<script type="module" src="view.js">' in page.text
        assert page.press("start", prompt="A cat", portrait=False, image=picture()) == {}
        page.until(lambda: page.state["streaming"] and page.size == (1280, 704))
        assert page.press("interact", prompt="Pet it") == {}
        page.until(lambda: bool(page.figures["round_trip"] and page.figures["age"] and page.figures["shown"]))
        assert "limited_by" in page.figures
        recorded(page)
        assert page.press("stop-recording") == {}
        page.until(lambda: bool(page.state["recordings"]) and page.figures["recorded"] is None)
        kept["video"] = page.http.get(f"/recordings/{page.state['recordings'][0]['name']}")
        kept["trace"] = page.http.get("/trace").text
        kept["page"] = page
        recorded(page)

    done = view(monkeypatch, "--folder", ".", "--trace", "view.trace", browse=browse)
    page = kept["page"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{page.url}\n")
    assert KEY not in done.stdout + kept["trace"] + json.dumps(page.state)
    assert ran("trace", "replay", "view.trace").returncode == 0
    first, second = sorted(tmp_path.glob("*.mp4"))
    assert f'filename="{first.name}"' in kept["video"].headers["content-disposition"]
    for video in (kept["video"].content, second.read_bytes()):
        with av.open(BytesIO(video)) as container:
            assert next(container.decode(video=0)).width == 1280


def test_a_service_that_goes_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    short = in_thread(serve())
    monkeypatch.setenv("ODYSSEY_API_URL", short.__enter__().url)

    def browse(page: Page) -> None:
        assert page.press("start", prompt="A cat") == {}
        page.until(lambda: page.size == (704, 1280))
        short.__exit__(None, None, None)
        page.until(lambda: page.state["problem"] is not None)
        assert page.state["problem"]["advice"].startswith("Connect again")
        assert page.state["streaming"] is False
        again = page.press("connect")["problem"]
        assert again["code"] == "network.refused"
        assert again["advice"]

    assert view(monkeypatch, browse=browse).returncode == 0


def test_programs_get_the_address_and_open_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    forever = anyio.sleep_forever

    async def until_interrupted() -> None:
        signal.raise_signal(signal.SIGINT)
        await forever()

    monkeypatch.setattr(anyio, "sleep_forever", until_interrupted)
    for arguments in ("--json", "--no-open"):
        done = ran("view", arguments)
        assert (done.returncode, done.stderr, opened) == (0, "", [])
        address = json.loads(done.stdout)["url"] if arguments == "--json" else done.stdout
        assert address.startswith("http://127.0.0.1:")
        assert "/?token=" in address


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--port", "70000"), 2, "--port"),
        (("--folder", "missing"), 2, "there is no folder missing"),
        (("--local", "--api-url", "http://127.0.0.1:1"), 2, "--local"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], status: int, words: str) -> None:
    done = ran("view", *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ran("view", "--port", f"{port}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen at port {port}: " in done.stderr


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.startswith(("odyssey.view", "odyssey.cli.view"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    done = ran("view")
    assert done.returncode == 2
    assert (
        done.stderr
        == "odyssey: odyssey view needs the extra 'view': pip install 'odyssey-client[cli,view]'\n"
    )
