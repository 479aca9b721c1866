"""A job and the pace at which to ask for it."""

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages.watching import WATCH_SIMULATION, JobSeen
from odyssey_proto.seam.http import HttpReply, json_reply

JOB = {"job_id": "j-1", "status": "pending", "priority": "normal", "created_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("header", "again"),
    [((), None), ((("retry-after", "7"),), seconds(7)), ((("retry-after", "soon"),), None)],
)
def test_the_pace_is_that_of_the_header(header: tuple[tuple[str, str], ...], again: int | None) -> None:
    seen = WATCH_SIMULATION.decode_reply(HttpReply(200, header, json_reply(JOB).body))
    assert isinstance(seen, JobSeen)
    assert (seen.job.job_id, seen.again) == ("j-1", again)


def test_a_refusal_stays_one() -> None:
    failure = WATCH_SIMULATION.decode_reply(json_reply({"detail": "none"}, 404))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.NOT_FOUND
