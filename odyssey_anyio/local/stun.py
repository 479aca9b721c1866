"""The local service's STUN server, so that no client of it needs one elsewhere."""

import anyio
from anyio.abc import UDPSocket

from odyssey_proto.wire.stun import answer


async def stun_socket(host: str) -> UDPSocket:
    """Opens a UDP socket at a free port of an address; raises `OSError` if there is none."""
    return await anyio.create_udp_socket(local_host=host)


async def answer_stun(socket: UDPSocket) -> None:
    """Answers for ever; a reply that cannot be sent is lost, as datagrams may be."""
    async for datagram, (host, port) in socket:
        reply = answer(datagram, host, port)
        if reply is not None:
            try:
                await socket.sendto(reply, host, port)
            except OSError:
                continue
