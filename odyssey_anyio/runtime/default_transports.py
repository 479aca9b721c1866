"""Our own transports, loaded when a client first needs them."""

import ssl
from typing import TYPE_CHECKING

from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets

if TYPE_CHECKING:
    from odyssey_anyio.net.http import HttpPool


class NetworkTransports:
    """
    Makes our transports for HTTP and WebSockets, which share their connections.

    `tls` checks certificates in the place of the system.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._pool: HttpPool | None = None

    def exchanges(self) -> Exchanges:
        """Makes a pool of HTTP connections."""
        from odyssey_anyio.net.http import HttpPool

        self._pool = HttpPool(self._tls)
        return self._pool

    def sockets(self) -> Sockets:
        """Makes what opens WebSockets, on connections of the pool that was made last."""
        from odyssey_anyio.net.websocket import WebSockets

        return WebSockets(self._tls, None if self._pool is None else self._pool.take)


def media() -> MediaEngine:
    """Makes a media engine; it loads aiortc in the media thread."""
    from odyssey_anyio.media.engine import Engine

    return Engine()


def media_thread(*, max_pixels: int) -> MediaEngine:
    """
    Makes a media engine in the thread that clients share, as a client does by itself, with another bound.

    Pictures of more than `max_pixels` pixels are not decoded; 3840 x 2160 if nothing is said.
    `Odyssey(media=partial(media_thread, max_pixels=1280 * 704))` takes the service's size and no larger.
    Raises `ValueError` for a bound below 1.
    """
    from odyssey_anyio.media.engine import Engine

    return Engine(max_pixels=max_pixels)


def media_here(*, max_pixels: int | None = None) -> MediaEngine:
    """
    Makes a media engine that lives in the application's own loop, which must be one of asyncio.

    `Odyssey(media=media_here)` saves a thread; in return a blocked application stops its media, and
    decoding makes the application's loop late (docs/design.md has figures).
    `max_pixels` is that of `media_thread`.
    """
    from odyssey_anyio.media.encoded_queue import MAX_PICTURE_PIXELS
    from odyssey_anyio.media.engine import Engine
    from odyssey_anyio.media.host import HereHost

    return Engine(host=HereHost, max_pixels=MAX_PICTURE_PIXELS if max_pixels is None else max_pixels)
