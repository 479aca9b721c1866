"""
What a person reads of an error: one line in the user's terms, the server's own words, a note that helps.

It is a law over every public call; a new call has to stand in `CALLS`.
"""

import re
from inspect import iscoroutinefunction

import pytest
from attrs import evolve
from inmemory import broken
from inmemory.calls import CALLS, KEY, NEVER_FAIL, ONLY_WAIT, SHORT, Doing, Scene

from odyssey import (
    LiveStream,
    Odyssey,
    OdysseyError,
    SimulationJob,
    SpectatorConnection,
    StreamRecording,
    Timeouts,
)
from odyssey_proto.kernel.failures import MAX_DETAIL_CHARS
from odyssey_proto.kernel.text import one_line
from odyssey_proto.seam.http import json_reply
from odyssey_proto.service.io.faults import Close, Cut, FailStream, Moment, NoOffer, Swallow

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]
SAID = f"Sorry,\n{KEY} is not\twelcome"
UNDERSTOOD = "Sorry, *** is not welcome"
MUCH = ". Ask again" * 1000

MACHINERY = re.compile(
    r"\b(GET|POST|DELETE)\b|failed with status|\bphase\b|\bFailure\b|_(started|acknowledged|ended)\b"
)
"""What no user has asked for: methods, and the words of the wire and of our own parts."""

ASKING = [(name, path) for name, call in CALLS.items() for path in call.asks]
IN_SESSIONS = [name for name, call in CALLS.items() if call.at is not None]


async def line_of(scene: Scene, *doing: Doing) -> str:
    """Returns the line of the error that the last of these raises, for which the law holds."""
    async with scene.client:
        *before, last = doing
        for each in before:
            await each(scene)
        with pytest.raises(OdysseyError) as caught:
            await last(scene)
    error = caught.value
    line = str(error)
    assert line == one_line(line)
    assert len(line.split()) > 1
    assert len(line) <= MAX_DETAIL_CHARS + 200
    assert not MACHINERY.search(line)
    assert not line.startswith((error.code, error.failure.name))
    assert KEY not in line
    assert getattr(error, "__notes__", []) == ([f"Hint: {error.hint}"] if error.hint else [])
    return line


def test_every_public_call_is_here() -> None:
    kinds = (Odyssey, SpectatorConnection, SimulationJob, StreamRecording, LiveStream)
    calls = {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name in dir(kind)
        if not name.startswith("_") and iscoroutinefunction(getattr(kind, name))
    }
    assert calls | {"connect_to_stream"} == {*CALLS, *ONLY_WAIT, *NEVER_FAIL}


@pytest.mark.parametrize("status", [403, 404, 409, 429, 503])
@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_refusal_has_the_words_of_the_service(name: str, path: str, status: int) -> None:
    scene = Scene()
    reply = json_reply({"detail": SAID + MUCH}, status)
    # Longer than any call may take, so that it is not tried again.
    again = (("retry-after", "4000"),) if status in (429, 503) else ()
    scene.world.replies[path] = evolve(reply, headers=(*reply.headers, *again))
    assert UNDERSTOOD in await line_of(scene, CALLS[name].make)


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_a_refusal_in_a_session_has_its_words_too(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    moment = call.at[0]
    opening = moment is Moment.OPEN
    fault = Close(moment, 4003, SAID) if opening else FailStream(moment, "moderation_failed", SAID + MUCH)
    assert UNDERSTOOD in await line_of(Scene(faults=[fault]), call.before, call.make)


@pytest.mark.parametrize("name", sorted(ONLY_WAIT))
async def test_who_waits_has_the_words_of_the_failure(name: str) -> None:
    async def fails_and_waits(scene: Scene) -> None:
        stream = await scene.stream()
        with pytest.raises(OdysseyError):
            await stream.interact("Pet the cat")
        await getattr(stream, name.partition(".")[2])()

    fault = Close(Moment.UPDATE, 4003, SAID)
    assert UNDERSTOOD in await line_of(Scene(faults=[fault]), fails_and_waits)


@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_connection_that_is_refused_is_named(name: str, path: str) -> None:
    scene = Scene()
    scene.world.replies[path] = broken()
    line = await line_of(scene, CALLS[name].make)
    assert "the connection was refused" in line
    assert re.search(r"\((api|media):80\)", line)


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_a_connection_that_breaks_is_named(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    fault = Cut(call.at[0])
    assert "the connection broke (localhost:80)" in await line_of(
        Scene(faults=[fault, Swallow(call.at[0])]), call.before, call.make
    )


@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_reply_that_does_not_come(name: str, path: str) -> None:
    call = CALLS[name]
    scene = Scene(Timeouts(**{call.asks[path]: SHORT}))
    scene.world.stalled.add(path)
    assert re.match("could not .*: timed out, no ", await line_of(scene, call.make))


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_what_does_not_come_in_a_session(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    moment, timeout = call.at
    fault = NoOffer() if moment is Moment.OPEN else Swallow(moment)
    scene = Scene(Timeouts(**{timeout: SHORT}), faults=[fault])
    assert re.match("could not .*: timed out, no ", await line_of(scene, call.before, call.make))


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, call in CALLS.items() for words in call.wrongly]
)
async def test_wrong_usage_says_what_is_wrong(name: str, words: str) -> None:
    scene = Scene()
    assert words in await line_of(scene, CALLS[name].wrongly[words])
    assert not scene.world.received


@pytest.mark.parametrize("name", sorted(NEVER_FAIL))
async def test_leaving_never_fails(name: str) -> None:
    scene = Scene()
    scene.world.replies["/auth/token"] = broken()
    leaves = scene.spectator() if name.startswith("Spectator") else scene.client
    for _ in range(2):
        await getattr(leaves, name.partition(".")[2])()
