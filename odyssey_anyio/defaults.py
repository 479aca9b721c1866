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
