"""
The data types, settings and exceptions of the official client, name by name.

The source: docs/protocol.md#configuration-surface, #data-types and #exceptions.
"""

import dataclasses
import enum
import inspect
import typing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import odyssey

FROZEN = {
    "VideoFrame": "data, width, height, timestamp_ms=0",
    "BroadcastInfo": "hls_url, webrtc_url, spectator_token",
    "Recording": (
        "stream_id, video_url=None, events_url=None, thumbnail_url=None, preview_url=None, "
        "frame_count=None, duration_seconds=None"
    ),
    "StreamRecordingInfo": "stream_id, width, height, started_at, ended_at=None, duration_seconds=None",
    "StreamRecordingsList": "recordings, total, limit, offset",
    "SimulationStream": (
        "stream_id, video_url=None, events_url=None, thumbnail_url=None, preview_url=None, "
        "frame_count=None, duration_seconds=None, script_index=0"
    ),
    "SimulationJobInfo": "job_id, status, priority, created_at, completed_at=None, error_message=None",
    "SimulationJobDetail": (
        "job_id, status, priority, created_at, dispatched_at=None, started_at=None, completed_at=None, "
        "error_message=None, assigned_region=None, retry_count=0, streams=[], estimated_wait_minutes=None"
    ),
    "SimulationJobsList": "jobs, total, limit, offset",
    "StreamerCapabilities": "image_to_video=False",
    "ClientCredentials": "signaling_url, session_token, expires_in=600, capabilities=None",
    "AdvancedConfig": (
        "max_retries=5, initial_retry_delay_ms=1000, max_retry_delay_ms=2000, "
        "retry_backoff_multiplier=2.0, queue_timeout_s=30"
    ),
}
"""The documented values, with the parameters that they are made of."""

HANDLERS: dict[str, tuple[Any, ...]] = {
    "ConnectedCallback": (),
    "DisconnectedCallback": (),
    "VideoFrameCallback": (odyssey.VideoFrame,),
    "StreamStartedCallback": (str,),
    "StreamEndedCallback": (),
    "InteractAcknowledgedCallback": (str,),
    "BroadcastReadyCallback": (odyssey.BroadcastInfo,),
    "StreamErrorCallback": (str, str),
    "ErrorCallback": (Exception, bool),
    "StatusChangeCallback": (odyssey.ConnectionStatus, str | None),
}


def parameters(kind: Any) -> dict[str, Any]:
    """Returns the parameters of a class with their defaults; what a factory makes is a list."""
    found = {name: each.default for name, each in inspect.signature(kind).parameters.items()}
    made = {each.name for each in fields_of(kind) if each.default_factory is list}
    return {name: [] if name in made else default for name, default in found.items()}


def fields_of(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    """Returns the fields of a class, if it has any."""
    return dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()


def documented(source: str) -> dict[str, Any]:
    """Returns the parameters that a list describes."""
    space: dict[str, Any] = {}
    exec(f"def documented({source}): ...", space)
    return parameters(space["documented"])


@pytest.mark.parametrize("name", FROZEN)
def test_a_type_has_what_is_documented(name: str) -> None:
    said = documented(FROZEN[name])
    assert parameters(getattr(odyssey, name)) == said
    assert list(parameters(getattr(odyssey, name))) == list(said)


@pytest.mark.parametrize("name", FROZEN)
def test_a_value_is_a_dataclass_frozen_and_slotted(name: str) -> None:
    kind = getattr(odyssey, name)
    assert dataclasses.is_dataclass(kind)
    # What is computed comes after what is given.
    names = [each.name for each in dataclasses.fields(kind)]
    assert names[: len(documented(FROZEN[name]))] == list(documented(FROZEN[name]))
    assert set(names) - set(documented(FROZEN[name])) == ({"session_id"} & set(names))
    assert all(not each.init for each in dataclasses.fields(kind) if each.name == "session_id")
    blank = object.__new__(kind)
    assert not hasattr(blank, "__dict__")
    for field in names:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(blank, field, 1)


def test_a_frame_is_a_picture() -> None:
    frame = odyssey.VideoFrame(np.zeros((704, 1280, 3), np.uint8), 1280, 704)
    assert (frame.data.shape, frame.data.dtype, frame.timestamp_ms) == ((704, 1280, 3), np.uint8, 0)


def gradient() -> odyssey.VideoFrame:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, 96)
    pixels[:, :, 2] = 40
    return odyssey.VideoFrame(pixels, 96, 64)


def test_a_frame_is_handed_to_other_libraries() -> None:
    frame = gradient()
    assert (frame.bgr == frame.data[:, :, ::-1]).all()
    assert frame.bgr.flags.c_contiguous
    assert np.array_equal(np.asarray(frame.to_image()), frame.data)


@pytest.mark.parametrize("name", ["cat.png", "cat.bmp", "cat.webp", "cat.jpg"])
def test_a_frame_is_saved_in_the_format_of_its_name(tmp_path: Path, name: str) -> None:
    frame = gradient()
    path = frame.save(tmp_path / name)
    with Image.open(path) as read:
        assert read.size == (96, 64)
        difference = np.abs(np.asarray(read.convert("RGB")).astype(int) - frame.data)
    assert difference.mean() < (1 if name in ("cat.png", "cat.bmp") else 8)


def test_a_frame_of_a_name_without_a_known_ending_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown file extension"):
        gradient().save(tmp_path / "cat.cat")
    assert not list(tmp_path.iterdir())


def test_a_frame_shows_itself_on_pages_and_in_notebooks() -> None:
    frame = gradient()
    with Image.open(BytesIO(frame._repr_png_())) as shown:
        assert np.array_equal(np.asarray(shown), frame.data)
    # A notebook would prefer a table.
    assert frame._repr_html_() is None
    small, large = frame.to_jpeg(quality=20), frame.to_jpeg()
    assert small.startswith(b"\xff\xd8")
    assert len(small) < len(large)
    for quality in (0, 96):
        with pytest.raises(ValueError, match="from 1 to 95"):
            frame.to_jpeg(quality)


def test_the_configuration_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dataclasses.is_dataclass(odyssey.ClientConfig)
    assert list(parameters(odyssey.ClientConfig)) == ["api_key", "api_url", "debug", "advanced"]
    assert not hasattr(odyssey.ClientConfig(), "__dict__")
    monkeypatch.delenv("ODYSSEY_API_URL", raising=False)
    config = odyssey.ClientConfig()
    assert (config.api_key, config.debug, config.advanced) == ("", False, odyssey.AdvancedConfig())
    assert config.api_url == "https://api.odyssey.ml"
    monkeypatch.setenv("ODYSSEY_API_URL", "http://elsewhere")
    assert odyssey.ClientConfig().api_url == "http://elsewhere"
    config.debug = True
    assert config == odyssey.ClientConfig(api_url="https://api.odyssey.ml", debug=True)
    assert "canary" not in repr(odyssey.ClientConfig("ody_canary"))


def test_capabilities_travel_as_a_dict() -> None:
    able = odyssey.StreamerCapabilities(image_to_video=True)
    assert able.to_dict() == {"image_to_video": True}
    assert odyssey.StreamerCapabilities.from_dict(able.to_dict()) == able


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            odyssey.ConnectionStatus,
            "authenticating connecting reconnecting connected disconnected failed",
        ),
        (
            odyssey.SimulationJobStatus,
            "pending dispatched processing completed failed cancelled",
        ),
    ],
)
def test_a_status_is_a_word(kind: type[enum.Enum], words: str) -> None:
    assert issubclass(kind, str)
    assert set(words.split()) <= {each.value for each in kind}
    assert all(kind(word) == word for word in words.split())


def test_the_handlers_in_their_order() -> None:
    names = [each.name for each in dataclasses.fields(odyssey.OdysseyEventHandlers)]
    assert names == [
        "on_connected",
        "on_disconnected",
        "on_video_frame",
        "on_stream_started",
        "on_stream_ended",
        "on_interact_acknowledged",
        "on_broadcast_ready",
        "on_stream_error",
        "on_error",
        "on_status_change",
    ]
    assert odyssey.OdysseyEventHandlers() == odyssey.OdysseyEventHandlers(*[None] * 10)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_takes_what_is_documented(name: str) -> None:
    given, _ = typing.get_args(getattr(odyssey, name).__value__)
    assert tuple(given) == HANDLERS[name]


def test_a_spectator_has_what_is_documented() -> None:
    kind = odyssey.SpectatorConnection
    for name in ("is_connected", "peer_connection"):
        assert isinstance(inspect.getattr_static(kind, name), property)
    assert inspect.iscoroutinefunction(kind.disconnect)


@pytest.mark.parametrize(
    "name",
    [
        "OdysseyUsageError",
        "MonthlyLimitReachedError",
        "ConcurrentLimitReachedError",
        "StreamDurationExceededError",
        "AccountSuspendedError",
        "RateLimitError",
    ],
)
def test_a_usage_error_tells_what_is_documented(name: str) -> None:
    limit = odyssey.UsageLimit("CODE", "too much", "Wait", "https://odyssey.example/limits", (("used", 3),))
    failure = odyssey.Failure(odyssey.FailureKind.USAGE_LIMIT, "too much", usage=limit)
    error: odyssey.OdysseyUsageError = getattr(odyssey, name)("too much", failure)
    assert isinstance(error, odyssey.OdysseyUsageError)
    assert error.args[0] == "too much"
    assert (error.code, error.action, error.action_url, error.details) == (
        "CODE",
        "Wait",
        "https://odyssey.example/limits",
        {"used": 3},
    )
    # One line, for logs; the official client draws a box there.
    assert str(error) == "too much"
    assert "\n" not in repr(error)
