"""What STUN and TURN servers answered, and how the picture came, as checks: by pure reading."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from odyssey.diagnosis.checks import Check, CheckName, CheckState
from odyssey.diagnosis.reading import CAME_UP, failed_check
from odyssey.inspect.line import counted
from odyssey_anyio.media.measuring import MediaReport
from odyssey_anyio.media.server_probes import ServerAnswer
from odyssey_anyio.media.servers import UNANSWERED, Server
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import FramesStalled, StallReason
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace.values import Trace

MAX_LOSS_SHARE = 0.02
"""More lost packets than this share of all are worth a warning."""

MAX_JITTER_MS = 30.0
"""More jitter than this is worth a warning."""

MIN_FRAME_RATE = 10.0
"""Fewer frames a second than this are worth a warning."""

NO_RELAY = "network.no_relay"
"""The code of a failure that is about the relay itself."""

_PATHLESS = frozenset({NO_RELAY, "media.failed", "timeout.negotiate", "timeout.ready"})
"""The codes of failures for which a server that does not answer may be the cause."""

_NAMES: Mapping[tuple[str, str, bool], CheckName] = {
    ("stun", "udp", False): CheckName.STUN,
    ("turn", "udp", False): CheckName.TURN_UDP,
    ("turn", "tcp", False): CheckName.TURN_TCP,
    ("turn", "tcp", True): CheckName.TURN_TLS,
}


def server_checks(answers: Iterable[ServerAnswer], media: Check | None) -> Iterator[Check]:
    """
    Returns a check for each kind of server that was asked.

    One that does not answer is a failure if `media` did not come up for want of a way and no server gives a
    relay, and otherwise a warning.
    Where media did not come up although there is a relay, the check of `media` says so.
    """
    answers = tuple(answers)
    relayed = any(answer.server.kind == "turn" and not answer.problem for answer in answers)
    wanted = media is not None and media.state is CheckState.FAILED and _wants_a_way(media)
    needed = wanted and not relayed
    grouped: dict[CheckName, list[ServerAnswer]] = {}
    for answer in answers:
        grouped.setdefault(_name(answer.server), []).append(answer)
    for name, group in grouped.items():
        yield _server_check(name, group, CheckState.FAILED if needed else CheckState.WARNING)
    if media is not None and wanted and relayed and media.facts["code"] != NO_RELAY:
        text = f"{media.verdict}, although a TURN server gives a relay"
        advice = "What is missing lies between the relay and the streamer: report it with the trace."
        yield evolve(media, verdict=text, advice=advice)


def _name(server: Server) -> CheckName:
    return _NAMES[server.kind, "udp" if server.kind == "stun" else server.transport, server.tls]


def _wants_a_way(media: Check) -> bool:
    if CAME_UP in media.facts:
        return False
    missing = media.facts.get("missing", ["peer connection"])
    return media.facts.get("code") in _PATHLESS and "peer connection" in missing


def _server_check(name: CheckName, answers: Sequence[ServerAnswer], state: CheckState) -> Check:
    facts = {answer.server.url: answer.problem or "answers" for answer in answers}
    seconds = min(answer.seconds for answer in answers)
    good = [answer for answer in answers if not answer.problem]
    if good:
        gives = "tells our address" if name is CheckName.STUN else "gives a relay"
        missing = f"; {len(answers) - len(good)} of {len(answers)} do not" if len(good) < len(answers) else ""
        return Check(name, CheckState.OK, f"{gives}{missing}", seconds, facts=facts)
    problems = list(dict.fromkeys(answer.problem for answer in answers))
    gives = "answers" if name is CheckName.STUN else "gives a relay"
    text = f"{counted(len(answers), 'server')} asked, none {gives}: {', '.join(problems)}"
    return Check(name, state, text, seconds, _advice(name, problems), facts)


def _advice(name: CheckName, problems: Sequence[str]) -> str:
    first = problems[0]
    if first == UNANSWERED and name in (CheckName.STUN, CheckName.TURN_UDP):
        return "UDP seems to be blocked: allow it out of this network, or use TURN over TCP or TLS."
    if first == UNANSWERED:
        return "A firewall seems to drop what goes to this port: allow it, or try from another network."
    if first[:1].isdigit():
        return "The service hands out credentials that this server refuses: report it with the trace."
    if "certificate" in first or "TLS" in first:
        return "SSL_CERT_FILE names further authorities; some firewalls break what they cannot read."
    return "Check the network; if it is in order, the service names a server that is not there: report it."


# --- the picture --------------------------------------------------------------------------------


@frozen
class Watched:
    """What was seen of a stream that was watched for a while."""

    first: float | None = None
    """How long the first frame took from the start of the stream, in seconds; `None` if none came."""
    frames: int = 0
    seconds: float = 0.0
    """For how long frames were counted after the first."""
    frozen: bool = False
    """Whether no frame came any more at the end."""
    report: MediaReport | None = None


def with_path(media: Check, report: MediaReport | None) -> Check:
    """Returns the check of the media connection with the way that media take."""
    if report is None or report.path is None:
        return media
    ours, theirs = report.path
    way = "by way of a relay" if "relay" in report.path else "directly"
    facts = {**media.facts, "candidate pair": f"{ours} and {theirs}"}
    return evolve(media, verdict=f"{media.verdict}, {way}", facts=facts)


def picture_checks(watched: Watched, trace: Trace) -> Iterator[Check]:
    """Returns what there is to say of the first frame, and of those behind it."""
    if watched.first is None or watched.frozen:
        code = "frames.none" if watched.first is None else "frames.frozen"
        code = "frames.not_decoded" if _undecoded(trace) else code
        stopped = failed_check(
            CheckName.FRAME if watched.first is None else CheckName.FLOW,
            Failure(FailureKind.MEDIA_FAILED, "no frame came any more", code=code),
        )
        yield evolve(stopped, facts={"code": code, "frames": watched.frames})
    if watched.first is None:
        return
    yield Check(CheckName.FRAME, CheckState.OK, "a picture came", watched.first)
    if watched.seconds and not watched.frozen:
        yield _flow(watched)


def _flow(watched: Watched) -> Check:
    rate = round(watched.frames / watched.seconds, 1)
    facts: dict[str, float] = {"frames a second": rate}
    words = [f"{rate:g} frames a second"]
    slow = rate < MIN_FRAME_RATE
    problems = [f"only {rate:g} frames a second come"] if slow else []
    if watched.report is not None:
        all_packets = watched.report.received + watched.report.lost
        loss = watched.report.lost / all_packets if all_packets else 0.0
        facts |= {"loss %": round(loss * 100, 2), "jitter ms": watched.report.jitter_ms}
        problems += [f"{loss * 100:.1f} % of the packets are lost"] if loss > MAX_LOSS_SHARE else []
        jitter = watched.report.jitter_ms
        words += [f"{loss * 100:.2g} % lost", f"jitter {jitter:g} ms"]
        problems += [f"packets come unevenly, by {jitter:g} ms"] if jitter > MAX_JITTER_MS else []
    if problems:
        advice = "Try a cable in place of a radio link, or another network."
        if slow:
            advice += " A machine that is too busy to decode shows few frames, too."
        return Check(CheckName.FLOW, CheckState.WARNING, " and ".join(problems), None, advice, facts)
    return Check(CheckName.FLOW, CheckState.OK, ", ".join(words), facts=facts)


def _undecoded(trace: Trace) -> bool:
    events = (each.value.event for each in trace.records() if isinstance(each.value, Happened))
    stalls = [event for event in events if isinstance(event, FramesStalled)]
    return bool(stalls) and stalls[-1].reason is StallReason.NOT_DECODED
