"""Our own transports, loaded when a client first needs them."""

from odyssey_anyio.net.transports import Exchanges, MediaEngine, Sockets


def exchanges() -> Exchanges:
    """Makes a pool of HTTP connections."""
    from odyssey_anyio.net.http import HttpPool

    return HttpPool()


def sockets() -> Sockets:
    """Makes what opens WebSockets."""
    from odyssey_anyio.net.websocket import WebSockets

    return WebSockets()


def media() -> MediaEngine:
    """Makes a media engine; it loads aiortc in its own thread."""
    from odyssey_anyio.media.engine import Engine

    return Engine()


def media_here() -> MediaEngine:
    """
    Makes a media engine that lives in the application's own loop, which must be one of asyncio.

    `Odyssey(media=media_here)` saves a thread; in return a blocked application stops its media, and
    decoding makes the application's loop late (docs/design.md has figures).
    """
    from odyssey_anyio.media.engine import Engine
    from odyssey_anyio.media.host import HereHost

    return Engine(host=HereHost)
