"""The settings of a local service as options: each limit, who may use it, and what it refuses."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from inspect import Parameter
from typing import Annotated, Any

import typer

from odyssey.cli import UsageError
from odyssey.cli.options import option, read_seconds, read_whole
from odyssey.cli.texts import read_keys
from odyssey_proto import HttpReply
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig
from odyssey_proto.service.io.faults import (
    ALWAYS,
    Cut,
    DropMedia,
    FailJob,
    FailStream,
    Fault,
    Moment,
    Refuse,
    RefuseSocket,
    Swallow,
    WithoutVideo,
)

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

LISTS: dict[str, dict[str, tuple[str, str, str]]] = {
    "access": {
        "allow_host": (
            "NAME",
            "a host name by which clients may call the service, * for any",
            "those of this machine",
        ),
        "allow_origin": (
            "ORIGIN",
            "whose pages may use it, such as https://example.com, * for any",
            "those of this machine",
        ),
        "allow_script_origin": ("ORIGIN", "from where a script_url is fetched, * for anywhere", "none"),
    },
    "accounts and sessions": {
        "key": ("KEY", "an accepted API key", "any that begins with ody_"),
        "key_file": ("FILE", "a file with accepted API keys, one a line", "none"),
        "suspended_key": ("KEY", "an API key of a suspended account, which is refused", "none"),
    },
    "streams": {"moderate": ("WORD", "refuse prompts with this word", "none")},
}
"""What may be given several times: what it is called, what it does, and what holds without it."""

SWITCHES = {
    "streams": {
        "audio": "offer sound besides the video",
        "no_images": "refuse images at the start of a stream",
        "no_bypass": "do not let clients have their prompts used word for word",
    },
    "simulations": {"old_status_words": "call a simulation that is under way running"},
}


class NamedFault(StrEnum):
    """What can go wrong on demand; a program has more, in `odyssey_proto.service.io.faults`."""

    FAILING_SERVICE = "failing-service"
    REFUSED_SIGNALING = "refused-signaling"
    NO_VIDEO = "no-video"
    REFUSED_STREAM = "refused-stream"
    LOST_MEDIA = "lost-media"
    LOST_SIGNALING = "lost-signaling"
    UNANSWERED_PROMPT = "unanswered-prompt"
    FAILED_JOB = "failed-job"


FAULTS: Mapping[NamedFault, Fault] = {
    NamedFault.FAILING_SERVICE: Refuse("/sessions/request", HttpReply(500), ALWAYS),
    NamedFault.REFUSED_SIGNALING: RefuseSocket(403, ALWAYS),
    NamedFault.NO_VIDEO: WithoutVideo(),
    NamedFault.REFUSED_STREAM: FailStream(Moment.START, "STREAM_FAILED", times=ALWAYS),
    NamedFault.LOST_MEDIA: DropMedia(Moment.UPDATE, ALWAYS),
    NamedFault.LOST_SIGNALING: Cut(Moment.UPDATE, ALWAYS),
    NamedFault.UNANSWERED_PROMPT: Swallow(Moment.UPDATE),
    NamedFault.FAILED_JOB: FailJob(times=ALWAYS),
}


def setting_options() -> Iterator[Parameter]:
    """Returns an option for each setting; `service_config` takes what they were given."""
    plain = ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS)
    for panel, limits in LIMITS.items():
        for name, (kind, purpose) in limits.items():
            usual = getattr(plain, name)
            shown = "no limit" if usual is None else True
            metavar = "N" if kind is int else "SECONDS"
            parser = read_whole if kind is int else read_seconds
            described = _option(panel, purpose, metavar=metavar, show_default=shown, parser=parser)
            yield option(name, Annotated[kind | None, described], usual)
    for panel, lists in LISTS.items():
        for name, (metavar, purpose, shown) in lists.items():
            described = _option(panel, f"{purpose} (repeatable)", metavar=metavar, show_default=shown)
            yield option(name, Annotated[list[str], described], [])
    for panel, switches in SWITCHES.items():
        for name, purpose in switches.items():
            yield option(name, Annotated[bool, _option(panel, purpose, flag(name))], False)
    purpose = f"let this go wrong each time (repeatable): {', '.join(NamedFault)}"
    described = _option("faults", purpose, metavar="NAME", show_default="none")
    yield option("fault", Annotated[list[NamedFault], described], [])


def _option(panel: str, purpose: str, *names: str, **how: Any) -> Any:
    words = f"{purpose[:1].upper()}{purpose[1:]}."
    return typer.Option(*names, help=words, rich_help_panel=panel.capitalize(), **how)


def service_config(given: Mapping[str, Any]) -> ServiceConfig:
    """Returns the service that the options ask for; raises `UsageError` for one that cannot be."""
    limits = {name: given[name] for names in LIMITS.values() for name in names}
    try:
        return ServiceConfig(
            keys=accepted_keys(given) or None,
            suspended_keys=given["suspended_key"],
            moderated=given["moderate"],
            image_to_video=not given["no_images"],
            audio=given["audio"],
            bypass_allowed=not given["no_bypass"],
            old_status_words=given["old_status_words"],
            script_origins=given["allow_script_origin"],
            access=access_policy(given),
            faults=[FAULTS[each] for each in given["fault"]],
            **limits,
        )
    except ValueError as error:
        name, _, rule = str(error).partition(" ")
        raise UsageError(f"{flag(name) if name in limits else name} {rule}") from error


def accepted_keys(given: Mapping[str, Any]) -> list[str]:
    """Returns the API keys that are good; none where any is."""
    return [*given["key"], *(key for file in given["key_file"] for key in read_keys(file))]


def access_policy(given: Mapping[str, Any]) -> AccessPolicy:
    """Returns who may use the service."""
    try:
        return AccessPolicy(hosts=given["allow_host"], origins=given["allow_origin"])
    except ValueError as error:
        raise UsageError(str(error)) from error


def flag(name: str) -> str:
    """Returns the option of a setting."""
    return f"--{name.replace('_', '-')}"
