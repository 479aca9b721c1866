"""A trace answers whoever does what its client did, and tells what is different."""

import base64
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from core.traced_sessions import PICTURE, REGIONS, called, giving, good_session, recorded, traced_world, twice

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import Page
from odyssey_proto.model.events import StreamFailed
from odyssey_proto.playback import Divergence, DivergenceError, Playback, UnplayableError, script_of
from odyssey_proto.playback.tokens import later
from odyssey_proto.seam.commands import (
    Connect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import ExchangeFailed, TransportError, TransportErrorKind
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import (
    Close,
    Cut,
    FailStream,
    Moment,
    NoOffer,
    Refuse,
    RefuseSocket,
    Swallow,
)
from odyssey_proto.testing.world import World
from odyssey_proto.trace import Limits, ServiceSettings, Trace
from odyssey_proto.trace.behaviour import decided
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Redaction
from odyssey_proto.trace.redaction.redactor import redacted

type Script = Callable[[World], None]

ELSEWHERE = Settings(api_url="http://127.0.0.1:8080", api_key=Secret("ody_somebody_else"), seed=b"other")

BUSY = Refuse("/sessions/request", HttpReply(503), times=3)

STORIES: dict[str, tuple[Script, ServiceConfig]] = {
    "good": (good_session, ServiceConfig()),
    "regions": (good_session, ServiceConfig(regions=REGIONS)),
    "refused key": (giving([Connect()]), ServiceConfig(keys=("ody_other_key",))),
    "queue": (good_session, ServiceConfig(faults=(BUSY,))),
    "refused socket": (giving([Connect()]), ServiceConfig(faults=(RefuseSocket(403, times=9),))),
    "silent streamer": (
        giving([Connect(), StartStream("A cat")]),
        ServiceConfig(faults=(Swallow(Moment.START),)),
    ),
    "failed stream": (
        giving([Connect(), StartStream("A cat"), StartStream("A dog")]),
        ServiceConfig(faults=(FailStream(Moment.START, "moderation"),)),
    ),
    "closed": (
        giving([Connect(), StartStream("A cat"), Interact("Pet it")]),
        ServiceConfig(faults=(Close(Moment.UPDATE, 4000, "going away"),)),
    ),
    "cut": (giving([Connect(), StartStream("A cat")]), ServiceConfig(faults=(Cut(Moment.START),))),
    "connected again": (twice, ServiceConfig()),
    "no offer": (giving([Connect()]), ServiceConfig(faults=(NoOffer(),))),
    "credentials": (giving([MintCredentials()]), ServiceConfig()),
    "calls": (called, ServiceConfig()),
}


def shared(script: Script, config: ServiceConfig | None = None) -> tuple[Trace, World]:
    """Returns the exported recording of a session, and the world that made it."""
    world, buffer = traced_world(config)
    script(world)
    return redacted(buffer.trace(), fresh), world


def played(
    script: Script, *traces: Trace, settings: Settings = ELSEWHERE, **how: Any
) -> tuple[Playback, World]:
    """Has another client do something against recordings."""
    playback = Playback(map(script_of, traces), **how)
    world = World(Client(settings), playback)
    script(world)
    return playback, world


def differences(playback: Playback) -> tuple[Divergence, ...]:
    with pytest.raises(DivergenceError) as caught:
        playback.check()
    return caught.value.divergences


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "in its own time"])
@pytest.mark.parametrize("story", STORIES)
def test_who_does_the_same_hears_the_same(story: str, fast: bool) -> None:
    script, config = STORIES[story]
    trace, before = shared(script, config)
    playback, world = played(script, trace, fast=fast)
    recorded = [out.event for step in trace.steps for out in step.outputs if isinstance(out, Happened)]
    assert list(map(decided, world.events)) == list(map(decided, recorded)), "but for the wording"
    assert [type(event) for event in recorded] == [type(event) for event in before.events]
    assert [command.id for command in world.commands if not command.pending] == [
        command.id for command in before.commands if not command.pending
    ]
    playback.check()


def test_a_recording_is_played_with_its_own_times_or_without() -> None:
    def slowly(world: World) -> None:
        world.connect()
        world.start("A cat")

    trace, before = shared(slowly, ServiceConfig(reply_seconds=2))
    _, timed = played(slowly, trace)
    _, fast = played(slowly, trace, fast=True)
    assert timed.now >= before.now
    assert fast.now < seconds(1)


def test_another_prompt_is_reported_and_the_session_goes_on_as_recorded() -> None:
    trace, _ = shared(good_session)

    def other(world: World) -> None:
        world.connect()
        world.start("A cat", image=PICTURE)
        assert world.interact("Pet the dog").result == "Pet the cat, in soft light, gently moving"
        world.end()
        world.disconnect()

    playback, _ = played(other, trace, fast=True)
    (found,) = differences(playback)
    assert found.summary == "data channel: Update: not as recorded"
    assert '-  "prompt": "Pet the cat"' in found.text
    assert '+  "prompt": "Pet the dog"' in found.text
    assert playback.complete


@pytest.mark.parametrize("prompts", ["keep", "hash", "drop"])
def test_prompts_are_compared_as_far_as_the_recording_knows_them(prompts: str) -> None:
    world, buffer = traced_world()
    same, other = (giving([Connect(), StartStream(f"A {pet} asleep by the sea")]) for pet in ("cat", "dog"))
    same(world)
    trace = redacted(buffer.trace(), fresh, Redaction(prompts=prompts))
    playback, _ = played(same, trace, fast=True)
    playback.check()
    playback, _ = played(other, trace, fast=True)
    assert bool(playback.divergences) is (prompts != "drop")


def test_more_than_was_recorded_is_refused_at_once_and_reported() -> None:
    trace, _ = shared(giving([Connect(), StartStream("A cat"), EndStream()]))
    results: list[Any] = []

    def more(world: World) -> None:
        world.connect()
        world.start("A cat")
        results.append(world.interact("Pet the cat").outcome)
        results.append(world.call("recordings.list", Page(limit=3)).outcome)
        world.disconnect()

    playback, world = played(more, trace, fast=True)
    assert [result.code for result in results] == ["not_recorded", "request.bad"]
    assert any(isinstance(event, StreamFailed) for event in world.events)
    found = differences(playback)
    assert [each.summary for each in found] == [
        "data channel: Update: not in the trace",
        "HTTP: GET /stream-recordings: not in the trace",
        "data channel: InteractiveStreamEnd: in the trace, but it did not come",
    ]
    assert not playback.complete


def test_an_error_with_differences_can_be_shown_and_sent() -> None:
    trace, _ = shared(good_session)
    playback, _ = played(giving([Connect()]), trace, fast=True)
    with pytest.raises(DivergenceError, match=r"did not come \(and 2 more\)") as caught:
        playback.check()
    assert caught.value.first.startswith(caught.value.divergences[0].text)
    assert caught.value.first.endswith("(and 2 more, which may follow from it)")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.divergences == caught.value.divergences
    assert again.text == caught.value.text
    assert "ody_" not in again.text
    with pytest.raises(DivergenceError, match=r"did not come$"):
        raise DivergenceError(again.divergences[:1])


def test_what_cannot_be_played_is_refused() -> None:
    trace = recorded()
    with pytest.raises(UnplayableError, match="only the trace of a client"):
        script_of(evolve(trace, header=evolve(trace.header, settings=ServiceSettings())))
    with pytest.raises(UnplayableError, match="steps are missing"):
        script_of(recorded(limits=Limits(steps=5)))
    assert repr(script_of(trace)) == "Script(moves=<23 moves>)"
    assert (
        repr(Playback([script_of(trace)]))
        == "<Playback <PlayedSession <ScriptCursor 0 of 23 moves>, 0 divergences>>"
    )


def test_a_connection_that_broke_breaks_again() -> None:
    def breaking(world: World) -> None:
        world.give(Connect())
        world.step(ExchangeFailed(ExchangeId(1), TransportError(TransportErrorKind.CLOSED)))

    trace, _ = shared(breaking)
    playback, world = played(giving([Connect()]), trace, fast=True)
    broke = [step.input for step in world.steps if isinstance(step.input, ExchangeFailed)]
    assert [each.error.kind for each in broke] == [TransportErrorKind.CLOSED]
    assert playback.divergences


def test_two_clients_are_two_sessions() -> None:
    cat, _ = shared(giving([Connect(), StartStream("A cat")]))
    dog, _ = shared(giving([Connect(), StartStream("A dog")]))
    playback = Playback([script_of(cat), script_of(dog)], fast=True)
    for prompt in ("A cat", "A dog"):
        world = World(Client(ELSEWHERE), playback)
        world.connect()
        world.start(prompt)
        world.disconnect()
    playback.check()


def test_credentials_that_were_recorded_long_ago_last_as_long_as_they_did() -> None:
    def in_two_phases(world: World) -> None:
        credentials = world.mint_credentials().result
        assert world.connect_with(credentials).result is None
        world.disconnect()

    trace, before = shared(in_two_phases)
    much_later = evolve(ELSEWHERE, wall=1_900_000_000_000_000)
    playback, world = played(in_two_phases, trace, settings=much_later, wall=much_later.wall)
    assert world.events == before.events
    playback.check()


def test_what_only_looks_like_a_token_stays() -> None:
    odd = (b'{"odd', b'{"\xff', b'{"a":"\\ud800"}', b'{"a":1,"exp":"never"}')
    packed = [base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in odd]
    for claims in (*packed, "eyJhb"):
        assert later(f"eyJh.{claims}.sig", 5) == f"eyJh.{claims}.sig"


def test_a_client_is_connected_until_it_leaves() -> None:
    trace, _ = shared(good_session)
    playback, world = played(lambda world: world.connect(), trace)
    assert playback.connected
    world.disconnect()
    assert not playback.connected
