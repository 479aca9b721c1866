"""The tables of a diagnosis: every code has a verdict and advice, and every check its state."""

import ast
import json
import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from attrs import evolve

from odyssey.diagnosis.checks import Check, CheckName, CheckState, diagnosis
from odyssey.diagnosis.media_checks import Watched, picture_checks, server_checks, with_path
from odyssey.diagnosis.reading import failed, failed_check, read
from odyssey.diagnosis.verdicts import VERDICTS, verdict_of
from odyssey_anyio.images import Flaw
from odyssey_anyio.media.measuring import MediaReport
from odyssey_anyio.media.server_probes import ServerAnswer
from odyssey_anyio.media.servers import servers_of
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.kernel.failures import (
    UNKNOWN_LIMIT,
    Failure,
    FailureKind,
    Phase,
    UsageCode,
    UsageLimit,
    timed_out,
)
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.events import Disconnected, FramesStalled, StallReason
from odyssey_proto.model.ice import IceConfig, IceServer
from odyssey_proto.seam.inputs import (
    PeerFailed,
    PeerId,
    SocketClosed,
    SocketId,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace.values import Header, Step, Trace

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"(?!odyssey\.)[a-z_]+\.[a-z_0-9]+")

NO_CODES = """
    auth.token ice.config recordings.get recordings.list regions.list regions.ping sessions.request
    sessions.token simulations.create simulations.get simulations.list simulations.cancel simulations.watch
    telemetry.send whep.config whep.leave whep.offer
    glyphs.png http.disconnect
"""
"""What looks like a code in the sources and is none: names of calls, files, messages of ASGI."""


def codes() -> set[str]:
    """Returns every code that the library gives to a failure: those written out, and those of families."""
    found: set[str] = set()
    for path in chain.from_iterable(place.rglob("*.py") for place in PLACES):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(str(text)) if CODE.fullmatch(text):
                    found.add(text)
                case ast.Call(ast.Name("_failure"), [ast.Constant(str(code)), *_]):
                    found.add(f"offer.{code}")
                case ast.Call(
                    ast.Name("_failure") | ast.Attribute(attr="_fail"), [_, _, ast.Constant(str(code)), *_]
                ):
                    found.add(f"download.{code}")
    return (found - set(NO_CODES.split())) | {
        *(f"network.{kind.value}" for kind in TransportErrorKind),
        *(f"timeout.{phase.value}" for phase in Phase),
        *(f"usage.{code.lower()}" for code in (*UsageCode, UNKNOWN_LIMIT)),
        *(kind.value for kind in FailureKind),
        *Flaw,
    }


CORE = (ROOT / "odyssey_proto" / name for name in ("client", "kernel", "messages", "conversations"))
PLACES = (ROOT / "odyssey_anyio", *CORE)
"""Where failures are made that a client's user sees."""


def test_every_code_has_a_verdict() -> None:
    assert {"offer.no_codec", "download.missing", "download.refused", "media.track_ended"} < codes()
    assert codes() - set(VERDICTS) == set(), "each needs a row in odyssey/diagnosis/verdicts.py"


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("phase", [None, *Phase])
def test_every_failure_has_a_check_a_verdict_and_advice(kind: FailureKind, phase: Phase | None) -> None:
    check = failed(Failure(kind, "it failed", phase=phase, code="never.seen"))
    assert check.state is CheckState.FAILED
    assert check.verdict
    assert check.advice


@pytest.mark.parametrize("code", VERDICTS)
def test_every_row_says_what_it_means_and_what_to_do(code: str) -> None:
    kind = FailureKind(code) if code in set(FailureKind) else FailureKind.STATE
    verdict = verdict_of(Failure(kind, "it failed", code=code))
    assert verdict.meaning == VERDICTS[code].meaning
    assert not verdict.meaning.endswith(".")
    assert verdict.advice.endswith(".")


@pytest.mark.parametrize(
    ("missing", "meaning"),
    [
        ("offer", "the streamer sent no offer"),
        ("peer connection", "no way for media"),
        ("video track", "sends no video"),
        ("data channel clientToStreamer", "does not open its data channels"),
    ],
)
def test_what_a_negotiation_lacks_is_its_verdict(missing: str, meaning: str) -> None:
    check = failed(timed_out(Phase.NEGOTIATE, (missing,)))
    assert check.name is CheckName.MEDIA
    assert meaning in check.verdict


@pytest.mark.parametrize(
    "kind", [TransportErrorKind.CLOSED, TransportErrorKind.SILENT, TransportErrorKind.TLS]
)
def test_a_websocket_that_breaks_in_a_session_is_no_fault_of_media(kind: TransportErrorKind) -> None:
    for phase in (None, Phase.NEGOTIATE, Phase.READY):
        failure = evolve(broken(TransportError(kind), "the signaling connection failed"), phase=phase)
        assert failed(failure).name is CheckName.SIGNALING


@pytest.mark.parametrize("kind", [TransportErrorKind.TOO_LARGE, TransportErrorKind.MALFORMED])
def test_the_trace_says_whether_a_websocket_or_media_failed_by_a_code(kind: TransportErrorKind) -> None:
    error = TransportError(kind)
    broke: dict[CheckName, SocketClosed | PeerFailed] = {
        CheckName.SIGNALING: SocketClosed(SocketId(1), 1006, error=error),
        CheckName.MEDIA: PeerFailed(PeerId(1), error),
    }
    for name, inp in broke.items():
        lost = Happened(Disconnected(evolve(broken(error, "it failed"), phase=Phase.READY)))
        assert list(read(evolve(EMPTY, steps=(Step(Instant(0), inp, (lost,)),)))) == [name]


def test_a_limit_says_what_the_service_asks_for() -> None:
    usage = UsageLimit("ACCOUNT_SUSPENDED", "no", "Pay", "https://pay.example")
    check = failed(Failure(FailureKind.USAGE_LIMIT, "no", phase=Phase.AUTHENTICATE, usage=usage))
    assert (check.name, check.verdict) == (CheckName.KEY, "the account is suspended")
    assert check.advice == "Pay https://pay.example"
    other = evolve(usage, code="SOMETHING_NEW", action="", action_url=None)
    check = failed(Failure(FailureKind.USAGE_LIMIT, "no", phase=Phase.QUEUE, usage=other))
    assert (check.name, check.verdict) == (CheckName.QUEUE, "a limit of the account was reached")
    assert "portal" in check.advice


def test_a_limit_that_ends_a_stream_is_not_about_the_key() -> None:
    assert failed(Failure(FailureKind.USAGE_LIMIT, "no")).name is CheckName.STREAM
    assert failed(Failure(FailureKind.AUTH_REFUSED, "no")).name is CheckName.KEY


def test_the_details_of_a_certificate_are_part_of_the_verdict() -> None:
    failure = Failure(
        FailureKind.NETWORK_SETUP,
        "no",
        code="network.certificate",
        detail="a.example: certificate has expired",
    )
    assert verdict_of(failure).meaning == "the certificate is not trusted: a.example: certificate has expired"


def test_each_code_of_the_page_of_faults_has_a_verdict() -> None:
    """What docs/reliability.md says a user sees of a fault, as a code, is explained by a diagnosis."""
    with (ROOT / "docs/reliability.toml").open("rb") as file:
        faults = tomllib.load(file)["fault"]
    said = {code for fault in faults for code in re.findall(r"`([^`]+)`", fault["sees"])}
    families = {code.partition(".")[0] for code in VERDICTS if "." in code}
    named = {each for each in said if CODE.fullmatch(each) and each.partition(".")[0] in families}
    assert len(named) > 5
    assert named - set(VERDICTS) == set()


# --- a diagnosis --------------------------------------------------------------------------------


def test_the_first_that_failed_is_the_cause_and_what_follows_is_not_tried() -> None:
    key = failed_check(CheckName.KEY, Failure(FailureKind.AUTH_REFUSED, "no", code="auth.invalid_key"), 0.02)
    found = diagnosis({CheckName.TCP: Check(CheckName.TCP, CheckState.OK, "open", 1.25), CheckName.KEY: key})
    assert [check.name for check in found.checks] == list(CheckName)
    assert found["DNS"].verdict == "there was nothing to try"
    assert found["queue"].verdict == "because this failed before: API key"
    assert not found.ok
    assert found.cause is key
    assert found.verdict == "API key: the service does not know this API key."
    assert "(1.2 s)" in str(found)
    assert "(20 ms)" in str(found)
    assert "→ Check the key" in str(found)
    assert "not tried: DNS, proxy" in str(found)
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == found.verdict
    with pytest.raises(KeyError):
        _ = found["weather"]


def test_a_warning_is_no_failure() -> None:
    clock = Check(CheckName.CLOCK, CheckState.WARNING, "wrong")
    found = diagnosis({CheckName.CLOCK: clock})
    assert (found.ok, found.cause) == (True, clock)
    assert found.verdict == "It works, with a warning: clock: wrong."
    assert diagnosis({}).verdict == "Everything that was tried works."


# --- servers ------------------------------------------------------------------------------------

URLS = (
    "stun:a.example",
    "turn:a.example?transport=udp",
    "turn:a.example?transport=tcp",
    "turns:a.example?transport=tcp",
)
ASKED = servers_of(IceConfig((IceServer(URLS, Secret("canary-user"), Secret("canary-word")),)))
UP = Check(CheckName.MEDIA, CheckState.OK, "up")
NO_WAY = failed(timed_out(Phase.NEGOTIATE, ("peer connection", "video track")))
NO_OFFER = failed(timed_out(Phase.NEGOTIATE, ("offer",)))


@pytest.mark.parametrize(
    ("media", "state"),
    [
        (UP, CheckState.WARNING),
        (NO_OFFER, CheckState.WARNING),
        (None, CheckState.WARNING),
        (NO_WAY, CheckState.FAILED),
    ],
)
def test_a_silent_server_is_the_cause_only_where_a_way_was_wanted(
    media: Check | None, state: CheckState
) -> None:
    checks = list(server_checks((ServerAnswer(server, 5.0, "no answer") for server in ASKED), media))
    assert (
        [check.name for check in checks] == list(CheckName)[11:15]
        if False
        else [
            CheckName.STUN,
            CheckName.TURN_UDP,
            CheckName.TURN_TCP,
            CheckName.TURN_TLS,
        ]
    )
    assert {check.state for check in checks} == {state}
    assert ["UDP seems to be blocked" in check.advice for check in checks] == [True, True, False, False]
    assert "canary" not in repr(checks)


@pytest.mark.parametrize(
    "media", [NO_WAY, failed(Failure(FailureKind.MEDIA_FAILED, "no", code="media.failed"))]
)
def test_where_there_is_a_relay_a_silent_server_is_not_the_cause(media: Check) -> None:
    answers = [ServerAnswer(ASKED[0], 5.0, "no answer"), ServerAnswer(ASKED[2], 0.1)]
    stun, turn, beyond = server_checks(answers, media)
    assert (stun.state, turn.state) == (CheckState.WARNING, CheckState.OK)
    assert (beyond.name, beyond.state) == (CheckName.MEDIA, CheckState.FAILED)
    assert beyond.verdict == f"{media.verdict}, although a TURN server gives a relay"
    found = {CheckName.MEDIA: media} | {check.name: check for check in (stun, turn, beyond)}
    assert diagnosis(found).cause is beyond


def test_a_relay_that_came_too_late_for_the_session_keeps_its_verdict() -> None:
    late = failed(Failure(FailureKind.MEDIA_FAILED, "no", code="network.no_relay"))
    assert [check.name for check in server_checks([ServerAnswer(ASKED[1], 4.0)], late)] == [
        CheckName.TURN_UDP
    ]


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        ("401 Unauthorized", "credentials"),
        ("the certificate is not trusted: expired", "SSL_CERT_FILE"),
        ("the TLS handshake failed", "SSL_CERT_FILE"),
        ("the connection was refused", "a server that is not there"),
    ],
)
def test_what_is_advised_follows_from_the_reason(problem: str, advice: str) -> None:
    (check,) = server_checks([ServerAnswer(ASKED[3], 0.1, problem)], NO_WAY)
    assert problem in check.verdict
    assert advice in check.advice


def test_one_server_that_answers_is_enough() -> None:
    (check,) = server_checks([ServerAnswer(ASKED[0], 0.2), ServerAnswer(ASKED[0], 5.0, "no answer")], UP)
    assert (check.state, check.seconds) == (CheckState.OK, 0.2)
    assert check.verdict == "tells our address; 1 of 2 do not"


# --- the picture --------------------------------------------------------------------------------

EMPTY = Trace(Header(Settings(api_url="http://a.example", api_key=Secret("ody_x"))))


def picture(watched: Watched, trace: Trace = EMPTY) -> dict[CheckName, Check]:
    return {check.name: check for check in picture_checks(watched, trace)}


def test_a_good_picture() -> None:
    checks = picture(Watched(0.3, 48, 2.0, report=MediaReport(("host", "host"), 1000, 5, 3.0)))
    assert {check.state for check in checks.values()} == {CheckState.OK}
    assert checks[CheckName.FRAME].seconds == 0.3
    assert checks[CheckName.FLOW].facts == {"frames a second": 24.0, "loss %": 0.5, "jitter ms": 3.0}
    assert checks[CheckName.FLOW].verdict == "24 frames a second, 0.5 % lost, jitter 3 ms"
    assert picture(Watched(0.3, 48, 2.0))[CheckName.FLOW].facts == {"frames a second": 24.0}
    assert list(picture(Watched(0.3))) == [CheckName.FRAME]


def test_loss_jitter_and_a_low_rate_are_warnings() -> None:
    flow = picture(Watched(0.3, 20, 2.0, report=MediaReport(None, 90, 10, 80.0)))[CheckName.FLOW]
    assert flow.state is CheckState.WARNING
    assert flow.verdict == "10.0 % of the packets are lost and packets come unevenly, by 80 ms"
    assert flow.advice
    slow = picture(Watched(0.3, 1, 4.0))[CheckName.FLOW]
    assert (slow.state, slow.verdict) == (CheckState.WARNING, "only 0.2 frames a second come")
    assert "busy" in slow.advice
    assert "busy" not in flow.advice
    nothing = picture(Watched(0.3, 20, 2.0, report=MediaReport()))[CheckName.FLOW]
    assert nothing.facts["loss %"] == 0.0


@pytest.mark.parametrize(
    ("watched", "name", "words"),
    [
        (Watched(), CheckName.FRAME, "no picture comes"),
        (Watched(0.3, 5, 1.0, frozen=True), CheckName.FLOW, "then froze"),
    ],
)
def test_a_picture_that_does_not_come(watched: Watched, name: CheckName, words: str) -> None:
    assert words in picture(watched)[name].verdict
    for reason, said in ((StallReason.NO_FRAMES, words), (StallReason.NOT_DECODED, "none can be decoded")):
        stalled = Step(Instant(0), Wake(), (Happened(FramesStalled(0, reason)),))
        assert said in picture(watched, evolve(EMPTY, steps=(stalled,)))[name].verdict


def test_the_way_of_media() -> None:
    assert with_path(UP, None) is UP
    assert with_path(UP, MediaReport()) is UP
    assert with_path(UP, MediaReport(("host", "srflx"))).verdict == "up, directly"
    assert with_path(UP, MediaReport(("relay", "host"))).verdict == "up, by way of a relay"
