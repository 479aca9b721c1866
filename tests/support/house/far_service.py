"""
The local service in a network of its own: `python -m house.far_service ADDRESS`.

It prints its address.
Each line that it reads is a number of seconds: the service is killed, and comes back after them at the same
address, which is printed again.
It ends when there are no more lines.
"""

import signal
import subprocess
import sys
import time

import anyio

from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import ServiceConfig


def _say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


async def _serve(host: str, port: int) -> None:
    async with serve(ServiceConfig(access=AccessPolicy(hosts=("*",))), host=host, port=port) as service:
        _say(service.url)
        await anyio.sleep_forever()


def _start(host: str, port: str) -> tuple[subprocess.Popen[str], str]:
    """Starts a service; returns it and its address."""
    command = [sys.executable, "-m", "house.far_service", host, port]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    return service, service.stdout.readline().strip()


def keep(host: str) -> None:
    """Starts a service, and another one in its place for each line."""
    # Whoever started this closes its input before, and the process that serves has to be ended.
    signal.signal(signal.SIGTERM, lambda *_: None)
    service, url = _start(host, "0")
    try:
        _say(url)
        for line in sys.stdin:
            _end(service)
            time.sleep(float(line))
            service, url = _start(host, url.rpartition(":")[2].strip("/"))
            _say(url)
    finally:
        _end(service)


def _end(service: subprocess.Popen[str]) -> None:
    service.kill()
    service.wait()
    assert service.stdout is not None
    service.stdout.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [host]:
            keep(host)
        case [host, port]:
            anyio.run(_serve, host, int(port))
