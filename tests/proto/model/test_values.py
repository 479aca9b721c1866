"""What all values of the public API have in common."""

import copy
import pickle
from typing import Any, cast

import pytest

from odyssey_proto.kernel.failures import UsageLimit
from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.model.events import BroadcastInfo
from odyssey_proto.model.recordings import (
    DownloadProgress,
    Recording,
    StreamRecordingInfo,
    StreamRecordingsList,
)
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    SimulationStream,
)

URL = "https://files.example/v.mp4?sig=canary"
RECORDING = Recording("s-1", URL, URL, URL, URL, 240, 12.0)
LINE = StreamRecordingInfo("s-1", 704, 1280, "2026-01-23T10:00:00Z")
STREAM = SimulationStream("s-1", URL, URL, URL, URL, 240, 12.0, 1)
JOB = SimulationJobInfo("j-1", SimulationJobStatus.PENDING, "normal", "2026-01-23T10:00:00Z")
DETAIL = SimulationJobDetail(
    "j-1", SimulationJobStatus.COMPLETED, "normal", "2026-01-23T10:00:00Z", streams=[STREAM]
)

VALUES = [
    RECORDING,
    LINE,
    StreamRecordingsList([LINE], 1, 50, 0),
    STREAM,
    JOB,
    DETAIL,
    SimulationJobsList([JOB], 1, 50, 0),
    BroadcastInfo(None, "http://m/live/s", "canary"),
    UsageLimit("RATE_LIMITED", "Slow down", "Wait", None, (("retry_after_seconds", 3),)),
]

values = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


@values
def test_it_can_be_copied(value: Any) -> None:
    for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert repr(twin) == repr(value)


@values
def test_it_cannot_be_changed(value: Any) -> None:
    with pytest.raises(AttributeError):
        setattr(value, fields_of(type(value))[0].name, "other")
    # A slotted dataclass of Python 3.12 says of an unknown name that it cannot find its own class.
    with pytest.raises((AttributeError, TypeError)):
        value.another = 1


@values
def test_no_secret_is_seen(value: Any) -> None:
    assert "canary" not in repr(value)


def test_an_address_that_is_absent_is_seen_to_be() -> None:
    assert "video_url=None" in repr(Recording("s-1"))
    assert "video_url='***'" in repr(RECORDING)


def test_a_detail_is_an_info() -> None:
    assert isinstance(DETAIL, SimulationJobInfo)


@pytest.mark.parametrize("status", SimulationJobStatus)
def test_which_states_are_final(status: SimulationJobStatus) -> None:
    assert status.over is (status.value in ("completed", "failed", "cancelled"))
    assert SimulationJobStatus(status.value) is status
    assert status == status.value


def test_states_that_are_not_known() -> None:
    assert SimulationJobStatus("paused") is SimulationJobStatus.UNKNOWN
    with pytest.raises(ValueError, match="5 is not a valid"):
        SimulationJobStatus(cast(Any, 5))


def test_the_details_of_a_limit_by_name() -> None:
    limit = UsageLimit("RATE_LIMITED", "Slow down", details=(("retry_after_seconds", 3),))
    assert limit.detail["retry_after_seconds"] == 3
    assert limit.passes
    assert not UsageLimit("MONTHLY_LIMIT_REACHED", "No more").passes


@pytest.mark.parametrize(
    ("received", "total", "fraction"), [(5, None, None), (0, 0, 1.0), (5, 20, 0.25), (20, 20, 1.0)]
)
def test_how_much_of_a_file_is_there(received: int, total: int | None, fraction: float | None) -> None:
    assert DownloadProgress(received, total).fraction == fraction
