"""The options of every command that talks to a service: which one, with which key, and what is kept of it."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Self

import anyio
import typer
from attrs import frozen

from odyssey import Odyssey, OdysseyError, OdysseyTypeError, OdysseyValueError
from odyssey.cli import FAILED, CommandError, UsageError
from odyssey.cli.options import option, with_options
from odyssey.cli.output import Json, Output
from odyssey.cli.signals import ENDING, Arrived, arriving
from odyssey.cli.texts import no_standard_output, read_key
from odyssey_anyio.api.config import api_key_by_default, api_url_by_default
from odyssey_anyio.errors.safe_text import first_of
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig

LOCAL_KEY = "ody_local"
"""A key for the local service, which takes any that looks like one."""

NO_KEY = "there is no API key: set ODYSSEY_API_KEY, or give --api-key-file FILE"
OR_LOCAL = f"{NO_KEY}, or try it with --local"

PANEL = "The service"


def _option(words: str, *names: str, **how: Any) -> Any:
    return typer.Option(*names, help=words, rich_help_panel=PANEL, **how)


# There is no --api-key: what stands on a command line is in the shell's history, and every user of the
# machine sees it in the list of processes.
OPTIONS = (
    option(
        "local",
        Annotated[bool, _option("Start a local service for this command; no key is needed.", "--local")],
        False,
    ),
    option(
        "api_url",
        Annotated[
            str | None,
            _option("The service's address.", metavar="URL", show_default="ODYSSEY_API_URL, or the real one"),
        ],
        None,
    ),
    option(
        "api_key_file",
        Annotated[
            Path | None,
            _option("A file with the API key.", metavar="FILE", show_default="the variable ODYSSEY_API_KEY"),
        ],
        None,
    ),
    option("json", Json, False),
    option(
        "trace",
        Annotated[
            Path | None,
            _option(
                "Save the trace of the session, without its secrets.", metavar="FILE", show_default="none"
            ),
        ],
        None,
    ),
)

REFUSED_LOCAL = option(
    "local", Annotated[bool, _option("Refused: a new service has nothing.", "--local", hidden=True)], False
)
"""For a command to which a service of its own is of no use, and which says so."""


@frozen
class Target:
    """A service to talk to."""

    url: str
    key: Secret


@frozen
class ServiceOptions:
    """What the options say."""

    local: bool
    api_url: str | None
    key: Secret
    trace: Path | None
    output: Output

    @classmethod
    def given(
        cls,
        no_key: str,
        *,
        local: bool,
        api_url: str | None,
        api_key_file: Path | None,
        trace: Path | None,
        json: bool,
    ) -> Self:
        """Reads the key; raises `UsageError`, with `no_key` if there is none, or if options contradict."""
        if local and (api_url is not None or api_key_file is not None):
            raise UsageError("--local starts a service of its own: it goes with no address and no key")
        no_standard_output("--trace", trace, "what the command says goes there")
        key = Secret(LOCAL_KEY) if local else _key(api_key_file, no_key)
        return cls(local, api_url, key, trace, Output(json))

    def run(self, work: Callable[[Odyssey], Awaitable[int]], **settings: Any) -> int:
        """
        Runs a command's work with a client, which says goodbye however it ends; returns the exit status.

        Ctrl-C, SIGTERM and SIGHUP cancel the work; `settings` are those of the client.
        """
        try:
            return anyio.run(self._main, work, settings)
        except Exception as error:
            first = first_of(error)
            if isinstance(first, BrokenPipeError):
                raise first from None
            if not isinstance(first, OdysseyError | OSError):
                raise
            kind = UsageError if isinstance(first, OdysseyValueError | OdysseyTypeError) else CommandError
            text = "\n".join((str(first), *getattr(first, "__notes__", ())))
            raise kind(text, plain_error(first)) from error

    async def _main(self, work: Callable[[Odyssey], Awaitable[int]], settings: dict[str, Any]) -> int:
        status = FAILED
        async with (
            arriving(*ENDING) as arrived,
            self._client(arrived, settings) as client,
        ):
            status = await work(client)
        if arrived.signals:
            return arrived.status
        return status

    @asynccontextmanager
    async def target(self) -> AsyncIterator[Target]:
        """Says which service is meant; a local one runs for the length of the block."""
        if self.local:
            async with serve(ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS)) as service:
                yield Target(service.url, Secret(LOCAL_KEY))
        else:
            yield Target(api_url_by_default() if self.api_url is None else self.api_url, self.key)

    @asynccontextmanager
    async def _client(self, arrived: Arrived, settings: dict[str, Any]) -> AsyncIterator[Odyssey]:
        # Only the client's side is cut short: a local service stays until the goodbye was said.
        async with self.target() as target, arrived.cancels():
            client = Odyssey(target.key.reveal(), api_url=target.url, **settings)
            try:
                async with client:
                    yield client
            finally:
                if self.trace is not None:
                    await self._save_trace(client, self.trace, sys.exception())

    async def _save_trace(self, client: Odyssey, path: Path, failed: BaseException | None) -> None:
        # Also of a session that was interrupted.
        with anyio.CancelScope(shield=True):
            try:
                await client.save_trace(path)
            except OdysseyError as error:
                if not isinstance(failed, Exception):
                    raise
                first_of(failed).add_note(str(error))


def _key(file: Path | None, no_key: str) -> Secret:
    key = api_key_by_default() if file is None else read_key(str(file))
    if not key:
        raise UsageError(no_key)
    return Secret(key)


def takes_service_options(command: Callable[..., int], *, local: bool = True) -> Callable[..., int]:
    """
    Gives a command these options; it gets them as one value, its argument `service`.

    Without `local` its help does not name `--local`, which the command refuses.
    """

    def run(*arguments: Any, **given: Any) -> int:
        no_key = OR_LOCAL if local else NO_KEY
        service = ServiceOptions.given(no_key, **{each.name: given.pop(each.name) for each in OPTIONS})
        return command(*arguments, **given, service=service)

    own = [each for each in signature(command).parameters.values() if each.name != "service"]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    described: Any = run
    described.__signature__ = signature(command).replace(parameters=own)
    return with_options(run, OPTIONS if local else (REFUSED_LOCAL, *OPTIONS[1:]))


def plain_error(error: BaseException) -> dict[str, Any]:
    """Returns an error for programs."""
    if isinstance(error, OdysseyError):
        return {"code": error.code, "message": str(error), "hint": error.hint, "retryable": error.retryable}
    return {"code": type(error).__name__, "message": str(error), "hint": None, "retryable": False}
