"""
What nobody has asked for stays in the network.

A stream of anyio on asyncio reads from its first moment on, and stops only when a `receive` that had to wait
is over.
What arrives before that, or while something else is sent, is therefore kept without a bound: a server that
answers a long request with an endless reply fills the memory, and so does a client of the local service.
So reading is stopped at once; `receive` starts it again for as long as it waits.
trio reads only when it is asked to, and has nothing to stop.
"""

from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream


def read_on_demand(stream: ByteStream) -> None:
    """Stops a new connection from reading ahead, also below TLS."""
    below = stream.transport_stream if isinstance(stream, TLSStream) else stream
    # No public name leads to the transport; a stream without one is not asyncio's.
    transport = getattr(below, "_transport", None)
    if transport is not None:
        transport.pause_reading()
