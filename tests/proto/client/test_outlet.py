"""Whatever a server says, no secret of the client reaches an event, an error or a sentence of a result."""

import traceback
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen
from core.hostile_server import (
    API_KEY,
    FORMS,
    SETTINGS,
    SHAPES,
    SIGNATURE,
    SPECTATOR,
    WATCHING,
    HostileServer,
    Speech,
    failures_in,
)
from hypothesis import given
from hypothesis import strategies as st

from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_proto.client.client import Client
from odyssey_proto.client.outlet import Outlet
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.introspection import fields_of
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import SECRET, Secret
from odyssey_proto.model.events import BroadcastInfo, BroadcastReady
from odyssey_proto.model.recordings import RecordingFile
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobStatus
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Call,
    CommandId,
    Connect,
    Disconnect,
    Download,
    Interact,
    MintCredentials,
    StartStream,
    WaitForJob,
    WaitForRecording,
)

SPEECHES = st.builds(
    Speech,
    after=st.integers(0, 9),
    status=st.sampled_from([400, 401, 403, 404, 409, 418, 422, 429, 500, 503, 200, 302]),
    shape=st.sampled_from(SHAPES),
    form=st.integers(0, len(FORMS) - 1),
    close=st.sampled_from([1000, 1008, 4000, 4001]),
)
SESSIONS: list[list[Any]] = [
    [Connect(), StartStream("A cat"), Interact("Pet it"), Disconnect()],
    [MintCredentials()],
    [
        Call("recordings.get", "stream-1"),
        Call("simulations.get", "job-1"),
        Call("simulations.cancel", "job-1"),
    ],
    [WaitForJob("job-1", seconds(5), seconds(60))],
    [WaitForRecording("stream-1", seconds(5), seconds(60))],
    [Download("stream-1", RecordingFile.VIDEO, seconds(60))],
]


def written(value: Any) -> str:
    """Returns everything that is in a value and not marked as secret, hidden from `repr` or not."""
    if isinstance(value, tuple | list):
        return " ".join(map(written, value))
    if fields := fields_of(type(value)):
        shown = [getattr(value, field.name) for field in fields if "secret" not in field.marks]
        return " ".join(map(written, shown))
    return str(value)


def check(given: list[Any], used: list[str]) -> None:
    seen = [repr(given), *(written(output) for output in given if not isinstance(output, o.Completed))]
    for failure in failures_in(given):
        for calling in Calling:
            error = error_of(failure, calling)
            assert str(error).strip() == " ".join(str(error).split()) != ""
            shown = (str(error), repr(error), error.args, error.detail, error.hint, error.code, error.failure)
            seen += [str(shown), "".join(traceback.format_exception(error)), str(vars(error))]
            seen.append(str(getattr(error, "details", "")) + str(getattr(error, "action", "")))
    forms = [form(secret).rstrip("=") for secret in used for form in FORMS] + [secret[:12] for secret in used]
    for text in seen:
        assert not [said for said in forms if said.lower() in text.lower()], text


@pytest.mark.parametrize("commands", SESSIONS, ids=str)
@given(speech=SPEECHES)
def test_a_client_repeats_no_secret_that_it_used(commands: list[Any], speech: Speech) -> None:
    server = HostileServer(Client(SETTINGS), speech)
    server.does(*commands)
    assert API_KEY in server.used
    check(server.given, server.used)


@given(speech=SPEECHES)
def test_a_spectator_repeats_no_secret_that_it_used(speech: Speech) -> None:
    server = HostileServer(Spectator(WATCHING), speech)
    server.does(Connect(), Disconnect())
    check(server.given, server.used)


@given(speech=SPEECHES)
def test_no_call_says_of_a_failure_only_what_was_sent(speech: Speech) -> None:
    for failure in failures_in(hostile([Connect()], speech).given):
        line = str(error_of(failure))
        assert not line.startswith(("GET ", "POST ", "DELETE ")), line
        assert (
            failure.status is None or failure.usage or line.startswith(("could not ", "the server", "no "))
        ), line


def hostile(commands: list[Any], speech: Speech) -> HostileServer:
    server = HostileServer(Client(SETTINGS), speech)
    server.does(*commands)
    return server


def test_a_good_session_is_reported_as_it_was() -> None:
    quiet = Speech(after=99, status=500, shape="text", form=0, close=1000)
    given = hostile([Connect(), StartStream("A cat"), Call("recordings.get", "stream-1")], quiet).given
    results = [output.result for output in given if isinstance(output, o.Completed)]
    assert results[1] == "stream-1"
    assert results[2].video_url.endswith(SIGNATURE)
    assert any(
        BroadcastReady(BroadcastInfo(None, "https://w.example/live/1", SPECTATOR)) == output.event
        for output in given
        if isinstance(output, o.Happened)
    )


def test_results_keep_their_data_and_lose_what_their_sentences_repeat() -> None:
    outlet = Outlet()
    outlet.learn(Secret(API_KEY))
    job = SimulationJobDetail(
        "job-1", SimulationJobStatus.FAILED, API_KEY, "now", error_message=f"bad {API_KEY}"
    )
    (given,) = outlet.passed([o.Completed(CommandId(1), job)])
    assert isinstance(given, o.Completed)
    assert (given.result.priority, given.result.error_message) == (API_KEY, "bad ***")
    (same,) = outlet.passed([o.Completed(CommandId(1), (1, "x", job.status))])
    assert same == o.Completed(CommandId(1), (1, "x", job.status))


def test_a_detail_is_masked_though_it_does_not_compare() -> None:
    outlet = Outlet()
    failure = Failure(
        FailureKind.BAD_REQUEST, "no", detail=f"bad {API_KEY}", cause=Failure(FailureKind.STATE, API_KEY)
    )
    outlet.learn({"key": [Secret(API_KEY)]})
    (given,) = outlet.passed([o.Failed(CommandId(1), failure)])
    assert isinstance(given, o.Failed)
    assert given.failure.detail == "bad ***"
    assert given.failure.cause is not None
    assert given.failure.cause.text == "***"


@pytest.mark.parametrize("other", ["r2", "R1", "r"])
def test_a_reply_about_another_id_is_malformed(other: str) -> None:
    quiet = Speech(after=99, status=500, shape="text", form=0, close=1000)
    server = HostileServer(Client(SETTINGS), quiet)
    server.good[f"/recordings/{other}"] = server.good["/recordings/stream-1"]
    server.does(Call("recordings.get", other))
    (failure,) = failures_in(server.given)
    assert (failure.kind, failure.code) == (FailureKind.MALFORMED, "reply.malformed")
    assert failure.text == "could not get the recording: the reply is malformed: it is about another id"


type Spare = Secret | None


@frozen
class Holder:
    """A secret in each form in which a class may declare one, and words beside them."""

    plain: Secret
    alias: Spare
    several: tuple[Secret, ...]
    pairs: tuple[tuple[str, str | Secret], ...]
    named: Mapping[str, Secret]
    anything: Any
    inside: "Holder | None" = None
    marked: str = field(default="", metadata=SECRET)


def test_a_secret_is_known_wherever_a_class_has_a_place_for_one() -> None:
    secrets = [f"a-secret-of-its-own-{number}" for number in range(8)]
    one, two, three, four, five, six, seven, marked = map(Secret, secrets)
    inner = Holder(one, None, (two,), (("a", "b"), ("c", three)), {"d": four}, "e", marked=marked.reveal())
    outlet = Outlet()
    outlet.learn(Holder(five, six, (), (), {}, [seven], inner))
    said = Failure(FailureKind.INVALID, " ".join(secrets))
    (given,) = outlet.passed([o.Failed(CommandId(1), said)])
    assert isinstance(given, o.Failed)
    assert given.failure.text == " ".join(["***"] * len(secrets))
