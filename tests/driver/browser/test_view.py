"""
The page of `odyssey view` in a real browser: it shows moving video, prompts change it, a lost service is said.

The pictures of docs/how-to/view.md are taken here: `ODYSSEY_VIEW_PICTURES=1` writes them anew.
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
from odyssey_anyio.local.video.marker import BITS, CELL

ROOT = Path(__file__).parents[3]
PICTURES = ROOT / "docs" / "pictures"

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

AGE = f"""
(() => {{
  const picture = document.getElementById("picture"), row = picture.height - {CELL // 2};
  const {{ data }} = picture.getContext("2d").getImageData(0, row, {BITS * CELL}, 1);
  const bits = Array.from({{ length: {BITS} }}, (_, bit) => data[(bit * {CELL} + {CELL // 2}) * 4] > 128 ? 1 : 0);
  const number = (from, to) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
  return [number(0, 24), Date.now() - number(24, 72)];
}})()
"""
"""Reads the marker of a picture on the screen: its number, and how old it is in milliseconds."""

MOTION = """
(() => {
  const small = new OffscreenCanvas(16, 16).getContext("2d");
  small.drawImage(document.getElementById("picture"), 0, 0, 16, 16);
  return Array.from(small.getImageData(0, 0, 16, 16).data);
})()
"""


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


def test_the_page(tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(in_thread(serve()))
        url, process = stack.enter_context(viewing(service.url, tmp_path))
        page = stack.enter_context(inspected(url))
        look(page, "light", 1280, 800)
        page.until("document.readyState === 'complete' && document.getElementById('send')?.disabled === false")
        assert page.run("location.search") == ""
        starts(page)
        moves(page)
        changes(page)
        pictures(page)
        ends(page)
        # Everything of the service goes at once.
        assert page.troubles == []
        stack.pop_all()


def look(page: Page, scheme: str, width: int, height: int) -> None:
    mobile = width < 500
    page.ask(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
    )
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
