"""Recordings served over real sockets and real WebRTC."""

import logging
import re
from typing import Any

import anyio
import pytest

from odyssey import Odyssey, OdysseyStreamError, connect_to_stream
from odyssey_anyio.local.replay import serve_trace
from odyssey_anyio.local.service import serve
from odyssey_proto.model.events import BroadcastReady, QualityChanged
from odyssey_proto.playback import DivergenceError
from odyssey_proto.trace import Trace

pytestmark = pytest.mark.anyio

type Recorded = tuple[list[Any], Trace]


async def program(url: str, prompt: str = "Pet the cat") -> Recorded:
    """Looks at ten frames, steers, and leaves; returns what happened, and the trace without secrets."""
    async with Odyssey(api_url=url, api_key="ody_test") as client:
        events = client.events()
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            frames = stream.frames()
            for _ in range(10):
                frame = await anext(frames)
            assert (frame.width, frame.height) == (1280, 704)
            await stream.interact(prompt)
    assert client.trace is not None
    # How well a machine keeps up with the video is another matter each time.
    happened = [event async for event in events if not isinstance(event, QualityChanged)]
    return happened, client.trace.redacted()


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    """What happens in the program at the local service, and the trace of that."""

    async def record() -> Recorded:
        async with serve() as service:
            return await program(service.url)

    return anyio.run(record)


async def test_the_same_program_gets_the_same_events(recorded: Recorded) -> None:
    before, trace = recorded
    async with serve_trace(trace, fast=True) as service:
        after, _ = await program(service.url)
        assert service.complete
        assert service.divergences == ()
    assert after == before
    async with serve_trace(trace) as service:
        again, _ = await program(service.url)
    assert again == before


async def test_another_program_sees_what_it_did_otherwise(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    _, trace = recorded
    with pytest.raises(DivergenceError) as caught, caplog.at_level(logging.INFO, "odyssey.service"):
        async with serve_trace(trace, fast=True) as service:
            await program(service.url, "Pet the dog")
    assert '+  "prompt": "Pet the dog"' in caught.value.text
    assert "data channel: Update: not as recorded" in caplog.text


async def test_more_than_was_recorded_is_an_error_that_says_so(recorded: Recorded) -> None:
    _, trace = recorded

    async def steers_twice() -> None:
        async with serve_trace(trace, fast=True) as service, Odyssey("ody_x", api_url=service.url) as client:
            await client.connect()
            await client.start_stream("A cat", portrait=False)
            await client.interact("Pet the cat")
            await client.interact("Pet the cat")

    with pytest.raises(OdysseyStreamError, match="not in the trace") as failed:
        await steers_twice()
    assert "data channel: Update: not in the trace" in "".join(failed.value.__notes__)


async def test_what_did_not_come_is_reported_and_the_errors_of_the_block_come_out(recorded: Recorded) -> None:
    _, trace = recorded
    with pytest.raises(DivergenceError, match="did not come"):
        async with serve_trace(trace):
            pass
    with pytest.raises(KeyError) as plain:
        async with serve_trace():
            raise KeyError("of the block")
    assert not hasattr(plain.value, "__notes__")


async def test_a_broadcast_and_its_spectator_are_played_again() -> None:
    async def watched(url: str) -> list[Trace]:
        async with Odyssey("ody_test", api_url=url) as client:
            events = client.events()
            await client.connect()
            async with client.stream("A cat", broadcast=True):
                while not isinstance(event := await anext(events), BroadcastReady):
                    pass
                info = event.info
                async with await connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
                    await anext(spectator.frames())
        assert client.trace is not None
        assert spectator.trace is not None
        return [client.trace.redacted(), spectator.trace.redacted()]

    def place(trace: Trace) -> str:
        found = re.search(r"/live/\w+", repr(trace.steps))
        assert found is not None
        return found[0]

    async with serve() as service:
        # Each redaction has pseudonyms of its own: only now and then two of them name a broadcast otherwise.
        for _ in range(20):
            traces = await watched(service.url)
            if place(traces[0]) == place(traces[1]):
                break
    async with serve_trace(*traces, fast=True) as service:
        await watched(service.url)
