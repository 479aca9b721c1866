"""
A browser that streams, and what brings clients to it, in a network of their own:
`python -m house.far_studio ADDRESS`.

It prints the address of the service, and ends when there are no more lines to read.
"""

import signal
import sys
from pathlib import Path

from aiohttp import web
from house.chromium import page, showing
from house.independent_service import Relay
from house.server_thread import server_thread

STREAMER = Path(__file__).parents[2] / "driver" / "browser" / "pages" / "streamer.html"


async def _taken(_: web.Request) -> web.Response:
    """Answers a report of the page, which nobody here reads."""
    return web.Response()


def make() -> web.Application:
    """Returns the service, and the page that plays the streamer."""
    application = Relay().application()
    application.add_routes([web.get("/studio", page(STREAMER)), web.post("/report", _taken)])
    return application


def main(host: str) -> None:
    """Streams a picture that is hard to encode, and has a marker."""
    with server_thread(make, host) as server, showing(f"{server.url}/studio?marked"):
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        for _ in sys.stdin:
            pass


if __name__ == "__main__":
    # Whoever started this closes its input before, and the browser has to be ended.
    signal.signal(signal.SIGTERM, lambda *_: None)
    main(sys.argv[1])
