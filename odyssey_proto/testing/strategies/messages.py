"""Parameters and results of every endpoint, and every message of both conversations."""

import string
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from odyssey_proto.kernel.failures import UsageCode, UsageLimit
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.auth import AccessToken
from odyssey_proto.messages.codec import Unknown
from odyssey_proto.messages.recordings import Page
from odyssey_proto.messages.sessions import Grant, SessionRequest, SessionToken
from odyssey_proto.messages.signaling import Answer, ClientDisconnecting, KeepAlive, Offer, SignalingError
from odyssey_proto.messages.simulations import JobFilter, JobSeen, SimulationRequest
from odyssey_proto.messages.stream import (
    BroadcastReady,
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.messages.telemetry import TelemetryEvent
from odyssey_proto.messages.whep import WhepAnswer, WhepOffer
from odyssey_proto.model.address import Region
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.model.ice import IceCandidate, IceServer
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList
from odyssey_proto.model.script import End, Entry, Interact, Script, Start
from odyssey_proto.model.simulations import (
    SimulationJobDetail,
    SimulationJobInfo,
    SimulationJobsList,
    SimulationJobStatus,
    SimulationStream,
)

SDP = "v=0\r\nm=video 9 X 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 00\r\n"

texts: st.SearchStrategy[str] = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
prompts: st.SearchStrategy[str] = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20
)
wishes: st.SearchStrategy[str] = prompts.filter(lambda text: bool(text.strip()))
identifiers: st.SearchStrategy[str] = st.text(
    string.ascii_letters + string.digits + "._~-", min_size=1, max_size=20
).filter(lambda text: text not in (".", ".."))
tokens: st.SearchStrategy[Secret] = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40
).map(Secret)
spans: st.SearchStrategy[Any] = st.integers(0, 10**14).map(Span)
wholes: st.SearchStrategy[int] = st.integers(-(2**53), 2**53)
counts: st.SearchStrategy[int] = st.integers(0, 10**6)
numbers: st.SearchStrategy[float] = st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300
)
hosts: st.SearchStrategy[str] = st.sampled_from(["example.org", "127.0.0.1:8000", "[::1]:9", "a.b/base"])
schemes: st.SearchStrategy[str] = st.sampled_from(["ws://", "wss://", "http://", "https://", ""])
sdps: st.SearchStrategy[str] = texts.filter(lambda text: "\0" not in text).map(lambda text: SDP + "s=" + text)


def maybe[T](strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """Returns what the strategy gives, or `None`."""
    return st.none() | strategy


def tuples[T](strategy: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    """Returns a few of what the strategy gives."""
    return st.lists(strategy, max_size=3).map(tuple)


def _server(urls: list[str], names: tuple[Secret, Secret] | None) -> IceServer:
    username, credential = names or (None, None)
    return IceServer(tuple(urls), username, credential)


stun_servers: st.SearchStrategy[IceServer] = st.builds(
    _server,
    st.lists(
        st.sampled_from(["stun:a.example", "stuns:[::1]:5349", "stun:1.2.3.4:3478"]), min_size=1, max_size=3
    ),
    st.none(),
)
turn_servers: st.SearchStrategy[IceServer] = st.builds(
    _server,
    st.lists(
        st.sampled_from(["turn:a.example?transport=udp", "turns:b.example:443", "stun:c.example"]),
        min_size=1,
        max_size=3,
    ),
    st.tuples(texts.map(Secret), texts.map(Secret)),
)
ice_servers: st.SearchStrategy[tuple[IceServer, ...]] = tuples(stun_servers | turn_servers)

files: dict[str, Any] = {
    "stream_id": identifiers,
    "video_url": maybe(texts),
    "events_url": maybe(texts),
    "thumbnail_url": maybe(texts),
    "preview_url": maybe(texts),
    "frame_count": maybe(wholes),
    "duration_seconds": maybe(numbers),
}
brief: dict[str, Any] = {
    "job_id": identifiers,
    "status": st.sampled_from(SimulationJobStatus),
    "priority": texts,
    "created_at": texts,
    "completed_at": maybe(texts),
    "error_message": maybe(texts),
}
details: st.SearchStrategy[SimulationJobDetail] = st.builds(
    SimulationJobDetail,
    **brief,
    dispatched_at=maybe(texts),
    started_at=maybe(texts),
    assigned_region=maybe(texts),
    retry_count=wholes,
    estimated_wait_minutes=maybe(numbers),
    streams=st.lists(st.builds(SimulationStream, **files, script_index=wholes), max_size=3),
)
infos: st.SearchStrategy[SimulationJobInfo] = st.builds(SimulationJobInfo, **brief)
pages: dict[str, Any] = {"total": wholes, "limit": wholes, "offset": wholes}


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Returns scripts that keep the rules."""
    moments = sorted(draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=4)))
    middle: list[Entry] = [Interact(draw(wishes), at / 1000) for at in moments[:-1]]
    return (Start(draw(prompts), draw(maybe(texts))), *middle, End(moments[-1] / 1000))


simulation_requests: st.SearchStrategy[SimulationRequest] = st.one_of(
    st.builds(
        SimulationRequest,
        script=scripts(),
        portrait=st.booleans(),
        bypass_prompt_expansion=maybe(st.booleans()),
    ),
    st.builds(SimulationRequest, scripts=st.lists(scripts(), min_size=1, max_size=2).map(tuple)),
    st.builds(SimulationRequest, script_url=texts.map(lambda text: f"https://example.org/{quote(text)}")),
)
JOB_FILTERS = [status for status in SimulationJobStatus if status is not SimulationJobStatus.UNKNOWN]
job_filters: st.SearchStrategy[JobFilter] = st.builds(
    JobFilter,
    status=maybe(st.sampled_from(JOB_FILTERS)),
    active=maybe(st.booleans()),
    limit=maybe(st.integers(1, 100)),
    offset=maybe(counts),
)
telemetry_events: st.SearchStrategy[TelemetryEvent] = st.builds(
    TelemetryEvent,
    sdk_version=texts,
    sdk_platform=texts,
    platform_info=texts,
    session_id=maybe(texts),
    event=maybe(texts),
    connect_duration_ms=maybe(wholes),
    session_duration_seconds=maybe(numbers),
    error_type=maybe(texts),
    error_message=maybe(texts),
    error_code=maybe(texts),
    connection_status=maybe(texts),
)

nothing: st.SearchStrategy[None] = st.none()

PARAMS: dict[str, st.SearchStrategy[Any]] = {
    "auth.token": texts.map(Secret),
    "regions.list": nothing,
    "sessions.request": st.builds(
        SessionRequest, st.dictionaries(texts, wholes, max_size=4).map(lambda d: tuple(d.items()))
    ),
    "sessions.token": identifiers,
    "ice.config": nothing,
    "recordings.get": identifiers,
    "recordings.list": st.builds(Page, maybe(st.integers(1, 100)), maybe(counts)),
    "simulations.create": simulation_requests,
    "simulations.get": identifiers,
    "simulations.list": job_filters,
    "simulations.cancel": identifiers,
    "simulations.watch": identifiers,
    "telemetry.send": tuples(telemetry_events),
    "whep.config": nothing,
    "whep.offer": st.builds(WhepOffer, sdps, texts.map(Secret)),
    "whep.leave": nothing,
}

RESULTS: dict[str, st.SearchStrategy[Any]] = {
    "auth.token": st.builds(AccessToken, tokens, spans),
    "regions.list": tuples(
        st.builds(Region, texts.filter(bool), hosts.map(lambda host: f"https://{host}/ping"))
    ),
    "sessions.request": st.builds(
        Grant,
        session_id=identifiers,
        signaling_url=st.builds(lambda scheme, host: scheme + host, schemes, hosts),
        capabilities=st.builds(StreamerCapabilities, st.booleans()),
        streamer_id=maybe(texts),
        model=maybe(texts),
        region=maybe(texts),
    ),
    "sessions.token": st.builds(SessionToken, tokens, spans),
    "ice.config": ice_servers,
    "recordings.get": st.builds(Recording, **files),
    "recordings.list": st.builds(
        StreamRecordingsList,
        recordings=st.lists(
            st.builds(
                StreamRecordingInfo,
                stream_id=identifiers,
                width=wholes,
                height=wholes,
                started_at=texts,
                ended_at=maybe(texts),
                duration_seconds=maybe(numbers),
            ),
            max_size=3,
        ),
        **pages,
    ),
    "simulations.create": details,
    "simulations.get": details,
    "simulations.list": st.builds(SimulationJobsList, jobs=st.lists(infos, max_size=3), **pages),
    "simulations.cancel": infos,
    "simulations.watch": st.builds(JobSeen, details, maybe(st.integers(0, 10**8).map(seconds))),
    "telemetry.send": nothing,
    "whep.config": ice_servers,
    "whep.offer": st.builds(WhepAnswer, sdps, maybe(texts)),
    "whep.leave": nothing,
}

starts: st.SearchStrategy[InteractiveStreamStart] = st.builds(
    InteractiveStreamStart,
    prompt=texts,
    portrait=st.booleans(),
    image=maybe(texts),
    broadcast=st.booleans(),
    bypass_prompt_expansion=maybe(st.booleans()),
)

TYPES = frozenset(
    (
        *("keepalive", "answer", "client_disconnecting", "offer", "error", "ice_candidate"),
        *("interactive_stream_start", "update", "interactive_stream_end", "stream_started"),
        *("update_acknowledged", "stream_ended", "interactive_stream_error", "broadcast_ready"),
    )
)

unknown: st.SearchStrategy[Unknown] = st.builds(Unknown, maybe(texts.filter(lambda text: text not in TYPES)))

stream_messages: st.SearchStrategy[Any] = st.one_of(
    starts,
    st.builds(Update, texts),
    st.just(InteractiveStreamEnd()),
    st.builds(StreamStarted, identifiers, maybe(texts)),
    st.builds(UpdateAcknowledged, texts),
    st.just(StreamEnded()),
    st.builds(InteractiveStreamError, texts.filter(bool), texts.filter(bool)),
    st.builds(BroadcastReady, maybe(texts), maybe(texts.map(Secret)), maybe(texts)),
    unknown,
)

signaling_messages: st.SearchStrategy[Any] = st.one_of(
    st.just(KeepAlive()),
    st.builds(Answer, texts),
    st.just(ClientDisconnecting()),
    st.builds(Offer, texts),
    st.builds(SignalingError, texts.filter(bool)),
    st.builds(IceCandidate, texts, maybe(texts), maybe(wholes)),
    starts,
    unknown,
)

usage_limits: st.SearchStrategy[UsageLimit] = st.builds(
    UsageLimit,
    code=st.sampled_from(UsageCode).map(lambda code: code.value),
    message=texts.filter(bool),
    action=texts,
    action_url=maybe(texts.filter(bool)),
    details=st.dictionaries(
        texts, texts | numbers | st.booleans() | st.none() | st.integers(-(2**53), 2**53), max_size=3
    ).map(lambda d: tuple(d.items())),
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def spoiled(values: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Returns an honest object with some of its fields replaced by anything or left out."""
    names = st.sampled_from(sorted(values) or ["x"])

    def spoil(wrong: dict[str, Any], missing: set[str]) -> dict[str, Any]:
        return {name: value for name, value in (values | wrong).items() if name not in missing}

    return st.builds(spoil, st.dictionaries(names, json_values, max_size=2), st.sets(names, max_size=1))


assert PARAMS.keys() == RESULTS.keys() == ENDPOINTS.keys(), "every endpoint has its strategies"
