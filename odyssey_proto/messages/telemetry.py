"""
What a client may report about itself, which ours does only if it is asked to.

The wire: docs/protocol.md#telemetry.
"""

from typing import Any

import attrs
from attrs import field, frozen

from odyssey_proto.messages.endpoint import JsonEndpoint, Parts
from odyssey_proto.messages.fields import Fields

MAX_MESSAGE = 2000
"""Where an error's text is cut, in characters."""


@frozen
class TelemetryEvent:
    """One event: `event` names a step of a session's life, `error_type` an error."""

    sdk_version: str
    sdk_platform: str = "python"
    platform_info: str = ""
    session_id: str | None = None
    event: str | None = None
    connect_duration_ms: int | None = None
    session_duration_seconds: float | None = None
    error_type: str | None = None
    error_message: str | None = field(default=None, repr=False)
    error_code: str | None = None
    connection_status: str | None = None


def _write(events: tuple[TelemetryEvent, ...]) -> Parts:
    return Parts(body={"events": [_write_event(event) for event in events]})


def _write_event(event: TelemetryEvent) -> dict[str, Any]:
    said = {name: value for name, value in attrs.asdict(event).items() if value is not None}
    if event.error_message is not None:
        said["error_message"] = event.error_message[:MAX_MESSAGE]
    return said


def _read(parts: Parts) -> tuple[TelemetryEvent, ...]:
    return tuple(_read_event(item) for item in parts.fields.objects_if("events"))


def _read_event(fields: Fields) -> TelemetryEvent:
    return TelemetryEvent(
        sdk_version=fields.text_or("sdk_version", ""),
        sdk_platform=fields.text_or("sdk_platform", ""),
        platform_info=fields.text_or("platform_info", ""),
        session_id=fields.text_or("session_id", None),
        event=fields.text_or("event", None),
        connect_duration_ms=fields.whole_or("connect_duration_ms", None),
        session_duration_seconds=fields.number_or("session_duration_seconds", None),
        error_type=fields.text_or("error_type", None),
        error_message=fields.text_or("error_message", None),
        error_code=fields.text_or("error_code", None),
        connection_status=fields.text_or("connection_status", None),
    )


def _give(_: None) -> dict[str, Any]:
    return {}


def _take(_: Fields) -> None:
    """Takes nothing."""


TELEMETRY = JsonEndpoint[tuple[TelemetryEvent, ...], None](
    "telemetry.send",
    "POST",
    "/telemetry",
    "send telemetry",
    write=_write,
    read=_read,
    give=_give,
    take=_take,
    authed=False,
)
"""Reports events; whatever comes back means nothing."""
