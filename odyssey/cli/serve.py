"""`odyssey serve`: a local service until Ctrl-C."""

import logging
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from attrs import frozen

from odyssey.cli import DONE, CommandError, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.options import examples, read_port, with_options
from odyssey.cli.output import Json, Output
from odyssey.cli.service_options import LOCAL_KEY
from odyssey.cli.service_settings import accepted_keys, access_policy, service_config, setting_options
from odyssey.cli.signals import ENDING, INTERRUPTED, arriving
from odyssey_anyio.local.service import LocalService, serve


@frozen
class Place:
    """Where a service listens, and how it is announced."""

    host: str | None
    port: int
    keys: Sequence[str]
    output: Output

    def announce(self, service: LocalService) -> None:
        """Prints how the service is reached."""
        # A key that somebody chose is not printed: whoever listens on the network has nothing else.
        key = {} if self.keys else {"ODYSSEY_API_KEY": LOCAL_KEY}
        variables = {"ODYSSEY_API_URL": service.url, **key}
        self.output.say(service.url)
        self.output.say(f"export {' '.join(f'{name}={value}' for name, value in variables.items())}")
        self.output.record(url=service.url, environment=variables)
        if not service.local:
            who = "with one of the keys" if self.keys else "with any key (--key-file says which are good)"
            warning = f"whoever can reach this machine at {service.host} can use the service, {who}"
            print(f"odyssey serve: {warning}", file=sys.stderr, flush=True)

    @asynccontextmanager
    async def listening[S](self, service: AbstractAsyncContextManager[S]) -> AsyncIterator[S]:
        """Runs a service there for the length of the block."""
        async with AsyncExitStack() as stack:
            try:
                served = await stack.enter_async_context(service)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                where = f"{self.host or 'loopback'}, port {self.port}"
                raise UsageError(f"cannot listen at {where}: {reason}") from error
            yield served


app: typer.Typer = typer.Typer(add_completion=False)


def command(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on.",
            metavar="ADDRESS",
            show_default="127.0.0.1, or ::1 where that is all there is",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            help="Port to listen on.", show_default="any free one", metavar="PORT", parser=read_port
        ),
    ] = 0,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Play a trace and exit when it is over: 0 if the client did the same, 1 if not.",
            show_default="none",
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="With --trace: do not wait as long as the trace did.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens.")] = False,
    json: Json = False,
    **settings: Any,
) -> int:
    """Serves until it is interrupted, or, if that is a trace, until it was played."""
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    settings |= {"key": accepted_keys(settings), "key_file": []}
    place = Place(host, port, settings["key"], Output(json))
    if trace is not None:
        return _replay(place, trace, fast, settings)
    if fast:
        raise UsageError("--fast goes with --trace FILE")
    config = service_config(settings)

    async def main() -> int:
        async with (
            arriving(*ENDING) as arrived,
            place.listening(serve(config, host=host, port=port)) as service,
        ):
            place.announce(service)
            await arrived.wait()
        return DONE if arrived.status == INTERRUPTED else arrived.status

    return anyio.run(main)


app.command(
    help=COMMANDS["serve"],
    epilog=examples(
        "odyssey serve --port 8080",
        "odyssey serve --stream-seconds 30 --capacity 2",
        "odyssey serve --fault lost-media",
        "odyssey serve --trace session.jsonl --fast",
    ),
)(with_options(command, setting_options()))


def _replay(place: Place, path: Path, fast: bool, settings: Mapping[str, Any]) -> int:
    from odyssey.cli.loading import load
    from odyssey_anyio.local.replay import ReplayService, serve_trace
    from odyssey_proto.playback import DivergenceError, UnplayableError

    trace = load(str(path))
    access = access_policy(settings)
    served: list[ReplayService] = []

    async def main() -> int:
        async with (
            arriving(*ENDING) as arrived,
            place.listening(
                serve_trace(trace, fast=fast, host=place.host, port=place.port, access=access)
            ) as service,
            arrived.cancels(),
        ):
            served.append(service)
            place.announce(service)
            await service.completed()
        return DONE if arrived.status == INTERRUPTED else arrived.status

    try:
        status = anyio.run(main)
        for service in served:
            service.playback.check()
    except UnplayableError as error:
        raise UsageError(f"{path}: {error}") from error
    except DivergenceError as error:
        raise CommandError(error.text) from error
    return status
