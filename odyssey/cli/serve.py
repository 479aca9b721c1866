"""`python -m odyssey serve`: a local service until Ctrl-C."""

import argparse
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
from attrs import evolve

from odyssey.cli import UsageError
from odyssey_anyio.local.service import LocalService, serve
from odyssey_proto.service.config import ServiceConfig

KEY = "ody_local"

REPLY = 0.4
"""How long a start or a change takes, in seconds: about as long as a near streamer needs."""


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    plain = ServiceConfig()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=0, help="port to listen at; 0 takes a free one")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="a good API key; any `ody_…` if none is named",
    )
    parser.add_argument(
        "--capacity", type=int, default=plain.capacity, help="so many sessions at once; then the queue"
    )
    parser.add_argument("--stream-seconds", type=float, default=150, help="how long one stream may last")
    parser.add_argument(
        "--connection-seconds", type=float, default=3600, help="how long one connection may last"
    )
    parser.add_argument(
        "--trace", metavar="FILE", help="serve a recording; ends with it, 1 if anything differed"
    )
    parser.add_argument("--fast", action="store_true", help="play the recording without its own times")
    parser.add_argument("--verbose", action="store_true", help="tell what happens")


def run(arguments: argparse.Namespace) -> int:
    """Serves until it is interrupted, or, if that is a recording, until it was played."""
    if not 0 <= arguments.port <= 65535:
        raise UsageError("a port is a number from 0 to 65535")
    if arguments.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.trace is not None:
        return _replay(arguments)
    if arguments.fast:
        raise UsageError("--fast goes with --trace FILE")
    try:
        config = evolve(
            ServiceConfig(),
            keys=tuple(arguments.key) or None,
            capacity=arguments.capacity,
            reply_seconds=REPLY,
            stream_seconds=arguments.stream_seconds,
            connection_seconds=arguments.connection_seconds,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    key = arguments.key[0] if arguments.key else KEY

    async def main() -> None:
        async with serve(config, host=arguments.host, port=arguments.port) as service:
            _announce(service, key)
            await anyio.sleep_forever()

    with suppress(KeyboardInterrupt):
        _listen(main, arguments)
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from odyssey.cli.trace import load
    from odyssey_anyio.local.replay import ReplayService, serve_trace
    from odyssey_proto.playback import DivergenceError, UnplayableError

    trace = load(arguments.trace)

    served: list[ReplayService] = []

    async def main() -> None:
        where = {"host": arguments.host, "port": arguments.port}
        async with serve_trace(trace, fast=arguments.fast, **where) as service:
            served.append(service)
            _announce(service, KEY)
            await service.completed()

    try:
        with suppress(KeyboardInterrupt):
            _listen(main, arguments)
        for service in served:
            service.playback.check()
    except UnplayableError as error:
        raise UsageError(f"{arguments.trace}: {error}") from error
    except DivergenceError as error:
        print(error.text, file=sys.stderr)
        return 1
    return 0


def _announce(service: LocalService, key: str) -> None:
    print(service.url)
    print(f"export ODYSSEY_API_URL={service.url} ODYSSEY_API_KEY={key}", flush=True)


def _listen(main: Callable[[], Awaitable[None]], arguments: argparse.Namespace) -> None:
    try:
        anyio.run(main)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"cannot listen at {arguments.host}:{arguments.port}: {reason}") from error
