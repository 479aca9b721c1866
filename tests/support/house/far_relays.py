"""
A TURN server and a proxy in a network of their own: `python -m house.far_relays ADDRESS FOLDER`.

It prints a value of JSON: the addresses of the TURN server by transport, its port for UDP and TCP, the port
of the proxy, and the file with the authority that signed the certificates.
Each line that it reads asks for a service that names these ICE `servers`, each an address, a user and a
password, and that is reached by `tls` or not; the address of it is printed.
It ends when there are no more lines.
"""

import json
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import trustme
from attrs import evolve
from house.proxy import ConnectProxy, Front, listening
from house.turn_server import relaying

from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceServer
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import ServiceConfig


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def main(host: str, folder: Path) -> None:
    """Runs everything until there are no more lines."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(certificate)
    with relaying(folder, authority, host, expiring=True) as turn:
        async with listening(ConnectProxy, host=host) as proxy, AsyncExitStack() as services:
            about = {transport: turn.url(transport) for transport in ("udp", "tcp", "tls")}
            ports = {"turn_port": turn.port, "proxy_port": proxy.port}
            _say(json.dumps({**about, **ports, "authority": str(folder / "authority.pem")}))
            while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                _say(await _start(services, host, json.loads(line), certificate))


async def _start(
    services: AsyncExitStack, host: str, wanted: dict[str, Any], certificate: ssl.SSLContext
) -> str:
    servers = [IceServer((url,), Secret(user), Secret(word)) for url, user, word in wanted["servers"]]
    config = ServiceConfig(ice_servers=servers, access=AccessPolicy(hosts=("*",)))
    if not wanted["tls"]:
        return (await services.enter_async_context(serve(config, host=host))).url
    front = await services.enter_async_context(listening(Front, certificate, host))
    config = evolve(config, signaling_url=f"wss://{host}:{front.port}")
    service = await services.enter_async_context(serve(config, host=host))
    front.host, front.server = host, service.port
    return f"https://{host}:{front.port}"


if __name__ == "__main__":
    # Whoever started this closes its input before, and the TURN server has to be ended.
    signal.signal(signal.SIGTERM, lambda *_: None)
    anyio.run(main, sys.argv[1], Path(sys.argv[2]))
