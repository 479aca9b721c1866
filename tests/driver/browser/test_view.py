"""
The page of `odyssey view` in a real browser: moving video, prompts that change it, a service that is lost.

The pictures of docs/how-to/view.md are taken here, into docs/pictures when `ODYSSEY_VIEW_PICTURES=1` is set.
"""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from house.inspector import Page, inspected
from PIL import Image

from odyssey_anyio.local.service import in_thread, serve
from odyssey_anyio.local.video.marker import BITS, CELL, NUMBER_BITS, TIME_BITS

ROOT = Path(__file__).parents[3]

LONG_AGO_MILLISECONDS = 10_000
"""A picture that is older than this was queued somewhere; how old they are, the page itself shows."""

MIN_TOUCH_PIXELS = 40
FRAMES_OF_A_CHANGE = 60

MARKER = f"""
(() => {{
  const picture = document.getElementById("picture"), row = picture.height - {CELL // 2};
  const {{ data }} = picture.getContext("2d").getImageData(0, row, {BITS * CELL}, 1);
  const light = (bit) => data[(bit * {CELL} + {CELL // 2}) * 4] > 128 ? 1 : 0;
  const bits = Array.from({{ length: {BITS} }}, (_, bit) => light(bit));
  const value = (from, to) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
  return [value(0, {NUMBER_BITS}), Date.now() - value({NUMBER_BITS}, {NUMBER_BITS + TIME_BITS})];
}})()
"""
"""What the picture on the screen says of itself: its number, and how many milliseconds ago it was drawn."""

SKY = """
(() => {
  const { data } = document.getElementById("picture").getContext("2d").getImageData(4, 4, 1, 1);
  return Array.from(data.slice(0, 3));
})()
"""

DROP = """
(async () => {
  const canvas = new OffscreenCanvas(704, 1280), pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, 1280);
  const colours = ["#2b5876", "#7fa7c9", "#f3d9c1", "#e9eef5", "#cfdbe8"];
  colours.forEach((colour, number) => sky.addColorStop(number / 4, colour));
  pen.fillStyle = sky;
  pen.fillRect(0, 0, 704, 1280);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([await canvas.convertToBlob()], "sky.png", { type: "image/png" }));
  const does = (kind) => dispatchEvent(new DragEvent(kind, { dataTransfer, cancelable: true }));
  does("dragenter");
  does("dragover");
  const shown = getComputedStyle(document.getElementById("drop")).display;
  does("drop");
  return shown;
})()
"""

WITHOUT_NAME = """
[...document.querySelectorAll("button, input:not([hidden]), textarea, a, img, [role=img]")].filter((each) =>
  !each.ariaLabel && !each.textContent.trim() && !each.labels?.length && !each.hasAttribute("alt")
).map((each) => each.outerHTML)
"""
"""The elements that a screen reader could not name."""

HELPERS = """
stands = () => document.getElementById("status").dataset.status;
text = (id) => document.getElementById(id).innerText;
undefined
"""

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@contextmanager
def viewing(url: str, folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Runs the command, and gives the address that it prints."""
    command = [sys.executable, "-m", "odyssey", "view", "--json", "--api-url", url, "--folder", str(folder)]
    environment = {**os.environ, "ODYSSEY_API_KEY": "ody_local", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"], process
        finally:
            process.terminate()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where the pictures of the page go."""
    wanted = os.environ.get("ODYSSEY_VIEW_PICTURES") == "1"
    return ROOT / "docs" / "pictures" if wanted else tmp_path


def test_the_page(tmp_path: Path, pictures: Path) -> None:
    with ExitStack() as stack:
        serving = stack.enter_context(ExitStack())
        service = serving.enter_context(in_thread(serve()))
        url, process = stack.enter_context(viewing(service.url, tmp_path))
        page = stack.enter_context(inspected(url))
        look(page, "light", 1280, 800)
        page.until("document.activeElement?.id === 'prompt'")
        page.run(HELPERS)
        assert page.run("location.search") == ""
        assert page.run(WITHOUT_NAME) == []
        by_keyboard(page)
        take(page, pictures / "view-light.png")
        look(page, "dark", 1280, 800)
        take(page, pictures / "view-dark.png")
        look(page, "dark", 390, 844)
        by_buttons_on_a_telephone(page)
        take(page, pictures / "view-telephone.png")
        assert page.troubles == []
        serving.close()
        page.until("stands() === 'failed' && text('problem').includes('Connect again for a new session')")
        look(page, "light", 1280, 800)
        take(page, pictures / "view-lost.png")
        press(page, "again")
        page.until("text('problem').includes('Nobody listens at this port')")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        page.until("stands() === 'gone' && text('problem').includes('Odyssey view has ended')")


def by_keyboard(page: Page) -> None:
    """A stream with nothing but keys: it starts, moves, changes, is recorded."""
    tell(page, "A cat in a sunny meadow")
    page.until("stands() === 'streaming' && !document.getElementById('picture').hidden")
    moves(page)
    assert page.run("[picture.width, picture.height]") == [1280, 704]
    key(page, "Escape")
    key(page, "r", "r")
    page.until("document.getElementById('record').ariaPressed === 'true'")
    sunny = page.run(SKY)
    key(page, "/", "/")
    tell(page, "Pet the cat at sunset")
    page.until("text('prompts').includes('applied in')")
    page.until(
        f"(() => {{ const now = {SKY}; return Math.hypot(...now.map((c, i) => c - {sunny}[i])) > 60 }})()"
    )
    page.until("[...document.querySelectorAll('#plots dd')].every((each) => /[0-9]/.test(each.textContent))")
    page.until("document.querySelector('#plots .line').getAttribute('d').length > 400")
    key(page, "ArrowUp")
    assert page.run("document.getElementById('prompt').value") == "Pet the cat at sunset"
    key(page, "ArrowDown")
    assert page.run("document.getElementById('prompt').value") == ""


def by_buttons_on_a_telephone(page: Page) -> None:
    """Ends that stream, and begins a portrait one with an image; nothing is wider than the screen."""
    press(page, "record")
    page.until("document.querySelector('#recordings a')?.textContent.includes('.mp4')")
    press(page, "end")
    page.until("stands() === 'connected'")
    assert page.run(DROP) == "grid"
    page.until("!document.getElementById('chip').hidden")
    page.run("document.querySelector('[value=portrait]').click()")
    page.run("document.getElementById('prompt').focus()")
    page.ask("Input.insertText", text="A cat in the snow")
    press(page, "send")
    page.until("stands() === 'streaming' && picture.width === 704")
    moves(page)
    assert page.run("document.getElementById('chip').hidden")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run("document.getElementById('send').offsetHeight") >= MIN_TOUCH_PIXELS
    # The image has become the prompt's scene by then.
    page.until(f"{MARKER}[0] > {page.run(MARKER)[0] + FRAMES_OF_A_CHANGE}")


def moves(page: Page) -> None:
    """Sees that newer pictures come, and none from long ago."""
    seen = set()
    for _ in range(3):
        number, age = page.run(MARKER)
        assert 0 <= age < LONG_AGO_MILLISECONDS
        seen.add(number)
        page.until(f"{MARKER}[0] > {number}")
    assert len(seen) == 3


def look(page: Page, scheme: str, width: int, height: int) -> None:
    """Has a screen of that size, which the user has set to light or dark."""
    page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def take(page: Page, path: Path) -> None:
    """Takes a picture of the page, in few colours so that it is small."""
    shown = Image.open(BytesIO(base64.b64decode(page.ask("Page.captureScreenshot", format="png")["data"])))
    shown.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=8).save(path, optimize=True)
    assert len(shown.convert("L").getcolors(256) or ()) > 30


def tell(page: Page, prompt: str) -> None:
    page.ask("Input.insertText", text=prompt)
    key(page, "Enter", "\r")


def key(page: Page, name: str, text: str = "") -> None:
    page.ask("Input.dispatchKeyEvent", type="keyDown", key=name, text=text)
    page.ask("Input.dispatchKeyEvent", type="keyUp", key=name)


def press(page: Page, name: str) -> None:
    page.run(f"document.getElementById('{name}').click()")
