"""`python -m odyssey serve`: a local service until Ctrl-C."""

import argparse
import logging
import signal
import sys
from collections.abc import Awaitable, Callable

import anyio

from odyssey.cli import UsageError
from odyssey.cli.signals import arriving
from odyssey_anyio.local.service import LocalService, serve
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig

KEY = "ody_local"

LIMITS: dict[str, dict[str, tuple[type, str]]] = {
    "accounts and sessions": {
        "capacity": (int, "the most sessions at once; whoever comes later waits in the queue"),
        "concurrent": (int, "the most sessions at once for one API key"),
        "access_seconds": (float, "how long an access token lasts"),
        "token_seconds": (float, "how long a session token is valid"),
        "unclaimed_seconds": (float, "how long a granted session is kept for a client that does not come"),
        "negotiation_seconds": (float, "how long a client may take to set up its media connection"),
        "idle_seconds": (float, "how long a client may send nothing, keepalives included"),
        "connection_seconds": (float, "how long one connection may last"),
    },
    "streams": {
        "stream_seconds": (float, "how long one stream may last"),
        "reply_seconds": (float, "how long a start or a change takes"),
        "viewers": (int, "the most spectators of one broadcast"),
        "broadcast_seconds": (float, "delay from the start of a stream until its broadcast can be watched"),
    },
    "simulations": {
        "job_slots": (int, "the most simulations rendered at a time"),
        "job_queue": (int, "the most unfinished simulations of one API key"),
        "film_seconds": (float, "how long the video of a simulation may be"),
        "url_seconds": (float, "how long the URL of a file stays valid"),
    },
}
"""What of a `ServiceConfig` can be set by an option of the same name."""


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument(
        "--host", help="address to listen on (default: 127.0.0.1, or ::1 where that is all there is)"
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    for flag, metavar, purpose in (
        ("--allow-host", "NAME", "a host name by which clients may call the service, * for any"),
        ("--allow-origin", "ORIGIN", "whose pages may use it, such as https://example.com, * for any"),
        ("--allow-script-origin", "ORIGIN", "from where a script_url is fetched, * for anywhere"),
    ):
        usual = "none" if "script" in flag else "those of this machine"
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar=metavar,
            help=f"{purpose} (repeatable; default: {usual})",
        )
    parser.add_argument(
        "--trace",
        metavar="FILE",
        help="play a trace and exit when it is over: 0 if the client did the same, 1 if not",
    )
    parser.add_argument(
        "--fast", action="store_true", help="with --trace: do not wait as long as the trace did"
    )
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    plain = ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS)
    groups = {title: parser.add_argument_group(title) for title in LIMITS}
    for title, limits in LIMITS.items():
        for name, (kind, purpose) in limits.items():
            default = getattr(plain, name)
            usual = "no limit" if default is None else f"{default:g}"
            groups[title].add_argument(
                _flag(name),
                type=kind,
                default=default,
                metavar="N" if kind is int else "SECONDS",
                help=f"{purpose} (default: {usual})",
            )
    for flag, metavar, purpose in (
        ("--key", "KEY", "an accepted API key (repeatable; default: any that begins with ody_)"),
        ("--suspended-key", "KEY", "an API key of a suspended account, which is refused (repeatable)"),
    ):
        groups["accounts and sessions"].add_argument(
            flag, action="append", default=[], metavar=metavar, help=purpose
        )
    streams = groups["streams"]
    streams.add_argument(
        "--moderate",
        action="append",
        default=[],
        metavar="WORD",
        help="refuse prompts with this word (repeatable)",
    )
    groups["simulations"].add_argument(
        "--old-status-words", action="store_true", help="call a simulation that is under way running"
    )
    streams.add_argument("--no-images", action="store_true", help="refuse images at the start of a stream")
    streams.add_argument(
        "--no-bypass", action="store_true", help="do not let clients have their prompts used word for word"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves until it is interrupted, or, if that is a trace, until it was played."""
    if not 0 <= arguments.port <= 65535:
        raise UsageError("--port must be a whole number from 0 to 65535")
    if arguments.verbose:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.trace is not None:
        return _replay(arguments)
    if arguments.fast:
        raise UsageError("--fast goes with --trace FILE")
    config = _config(arguments)

    async def main() -> int:
        async with (
            arriving(signal.SIGINT, signal.SIGTERM) as arrived,
            serve(config, host=arguments.host, port=arguments.port) as service,
        ):
            _announce(service, arguments)
            await arrived.wait()
        return arrived.status

    return _listen(main, arguments)


def _config(arguments: argparse.Namespace) -> ServiceConfig:
    limits = {name: getattr(arguments, name) for names in LIMITS.values() for name in names}
    try:
        return ServiceConfig(
            keys=tuple(arguments.key) or None,
            suspended_keys=arguments.suspended_key,
            moderated=arguments.moderate,
            image_to_video=not arguments.no_images,
            bypass_allowed=not arguments.no_bypass,
            old_status_words=arguments.old_status_words,
            script_origins=arguments.allow_script_origin,
            access=_access(arguments),
            **limits,
        )
    except ValueError as error:
        name, _, rule = str(error).partition(" ")
        raise UsageError(f"{_flag(name) if name in limits else name} {rule}") from error


def _access(arguments: argparse.Namespace) -> AccessPolicy:
    try:
        return AccessPolicy(hosts=arguments.allow_host, origins=arguments.allow_origin)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _flag(name: str) -> str:
    """Returns the option of a setting."""
    return f"--{name.replace('_', '-')}"


def _replay(arguments: argparse.Namespace) -> int:
    from odyssey.cli.loading import load
    from odyssey_anyio.local.replay import ReplayService, serve_trace
    from odyssey_proto.playback import DivergenceError, UnplayableError

    trace = load(arguments.trace)

    access = _access(arguments)
    served: list[ReplayService] = []

    async def main() -> int:
        where = {"host": arguments.host, "port": arguments.port, "access": access}
        async with (
            arriving(signal.SIGINT, signal.SIGTERM) as arrived,
            serve_trace(trace, fast=arguments.fast, **where) as service,
            arrived.cancels(),
        ):
            served.append(service)
            _announce(service, arguments)
            await service.completed()
        return arrived.status

    try:
        status = _listen(main, arguments)
        for service in served:
            service.playback.check()
    except UnplayableError as error:
        raise UsageError(f"{arguments.trace}: {error}") from error
    except DivergenceError as error:
        print(error.text, file=sys.stderr)
        return 1
    return status


def _announce(service: LocalService, arguments: argparse.Namespace) -> None:
    key = arguments.key[0] if arguments.key else KEY
    print(service.url)
    print(f"export ODYSSEY_API_URL={service.url} ODYSSEY_API_KEY={key}", flush=True)
    if not service.local:
        who = "with one of the keys" if arguments.key else "with any key (--key names those that are good)"
        warning = f"whoever can reach this machine at {service.host} can use the service, {who}"
        print(f"odyssey serve: {warning}", file=sys.stderr, flush=True)


def _listen(main: Callable[[], Awaitable[int]], arguments: argparse.Namespace) -> int:
    try:
        return anyio.run(main)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        where = f"{arguments.host or 'loopback'}, port {arguments.port}"
        raise UsageError(f"cannot listen at {where}: {reason}") from error
