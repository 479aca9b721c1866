"""Sound: received where it is wanted, refused where it is not, with the account and policies of video."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiortc
import anyio
import numpy as np
import pytest

from odyssey import (
    AudioFrame,
    Bounded,
    BroadcastInfo,
    FrameReader,
    Lossless,
    Newest,
    Odyssey,
    OdysseyStreamError,
    OdysseyValueError,
    connect_to_stream,
)
from odyssey_anyio.local.audio.soundscape import LOOP_SECONDS, SAMPLE_RATE, soundscape
from odyssey_anyio.local.service import serve
from odyssey_anyio.media import aiortc_internals
from odyssey_proto.messages.signaling import Answer, decode
from odyssey_proto.seam.outputs import SendText
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

WITHIN = 30.0
"""More than anything here takes, in seconds."""


@asynccontextmanager
async def served(*, offers: bool, wants: bool) -> AsyncIterator[Odyssey]:
    """A client of a local service."""
    async with (
        serve(ServiceConfig(audio=offers)) as service,
        Odyssey("ody_test", api_url=service.url, audio=wants) as client,
    ):
        yield client


def loudness(frame: AudioFrame) -> int:
    """Returns the greatest sample."""
    return int(np.abs(frame.data).max())


async def test_sound_comes_on_the_clock_of_the_pictures_and_its_account_adds_up() -> None:
    sounds: list[AudioFrame] = []
    async with served(offers=True, wants=True) as client:
        with anyio.fail_after(WITHIN):
            await client.connect(on_audio_frame=sounds.append)
            sound, pictures = client.audio(), client.frames()
            await client.start_stream("a cat by the sea")
            await until_loud(sound)
            picture = await anext(pictures)
            async for frame in sound:
                if frame.timestamp_ms > picture.timestamp_ms - 1000:
                    break
        assert (frame.data.dtype, frame.data.shape) == (np.int16, (960, 2))
        assert (frame.sample_rate, frame.channels, frame.duration_ms) == (48_000, 2, 20)
        assert repr(frame) == f"<AudioFrame 20 ms, 2 channels, at {frame.timestamp_ms} ms>"
        # They come from different threads of a busy machine: the same clock, not the same moment.
        assert abs(frame.timestamp_ms - picture.timestamp_ms) < 5000
        assert sounds
        for account in (sound.account, client.statistics().audio):
            assert account.received == account.delivered + account.pending + sum(account.dropped.values())
            assert account.delivered


async def test_policies_are_those_of_video() -> None:
    async with served(offers=True, wants=True) as client:
        with anyio.fail_after(WITHIN):
            await client.connect()
            newest, bounded, lossless = (client.audio(each) for each in (Newest(), Bounded(3), Lossless(3)))
            while bounded.account.received < 10:
                await anyio.sleep(0.01)
            await anext(newest)
            await anext(bounded)
            with pytest.raises(OdysseyStreamError, match="faster"):
                [frame async for frame in lossless]
        assert newest.account.dropped["replaced"] >= 8
        assert bounded.account.dropped["overflow"] >= 6


async def test_what_is_not_wanted_is_refused_and_cannot_be_read() -> None:
    async with served(offers=True, wants=False) as client:
        for use in (client.audio, lambda: client.audio(Newest())):
            with pytest.raises(OdysseyValueError, match=r"audio\(\) needs .* Odyssey\(audio=True\)"):
                use()
        with pytest.raises(
            OdysseyValueError, match=r"on_audio_frame needs .* Odyssey\(audio=True\)"
        ) as caught:
            await client.connect(on_audio_frame=print)
        assert caught.value.code == "audio.not_wanted"
        with anyio.fail_after(WITHIN):
            await client.connect()
        trace = client.trace
        assert trace is not None
        said = [out.text for step in trace.raw.steps for out in step.outputs if isinstance(out, SendText)]
        [answer] = [each.sdp for each in map(decode, said) if isinstance(each, Answer)]
        assert "a=inactive" in answer.partition("m=audio")[2].partition("m=")[0]
        assert client.statistics().audio.received == 0


async def test_where_none_is_offered_there_is_none() -> None:
    async with served(offers=False, wants=True) as client:
        with anyio.fail_after(WITHIN):
            await client.connect()
            reader, pictures = client.audio(), client.frames()
            await anext(pictures)
            await client.disconnect()
            assert [frame async for frame in reader] == []


async def test_spectators_hear_what_is_played() -> None:
    ready: list[BroadcastInfo] = []
    sounds: list[AudioFrame] = []
    async with served(offers=True, wants=False) as client:
        with anyio.fail_after(WITHIN):
            await client.connect(on_broadcast_ready=ready.append)
            await client.start_stream("a cat by the sea", broadcast=True)
            while not ready:
                await anyio.sleep(0.01)
            [info] = ready
            watch = partial(connect_to_stream, info.webrtc_url, info.spectator_token)
            async with (
                await watch(audio=True, on_audio_frame=sounds.append) as one,
                await watch(audio=True) as two,
                await watch() as without,
            ):
                frames = [await until_loud(each.audio()) for each in (one, two)]
                picture = await anext(one.frames())
                with pytest.raises(OdysseyValueError, match=r"audio\(\) needs a spectator") as caught:
                    without.audio()
                assert caught.value.code == "audio.not_wanted"
                reader = two.audio()
                await client.end_stream()
                [frame async for frame in reader]
                assert [frame async for frame in two.audio()] == []
            for use in ({"on_audio_frame": print}, {"audio": 1}, {"audio": True, "audio_policy": 2}):
                with pytest.raises(OdysseyValueError, match="audio"):
                    await watch(**use)
    assert sounds
    assert {frame.data.shape for frame in frames} == {(960, 2)}
    assert abs(frames[0].timestamp_ms - picture.timestamp_ms) < 5000


async def until_loud(sound: FrameReader[AudioFrame]) -> AudioFrame:
    """Returns the first frame that is no silence."""
    while loudness(frame := await anext(sound)) <= 1000:
        pass
    return frame


async def test_with_an_aiortc_that_is_not_known_sound_comes_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    monkeypatch.setattr(aiortc_internals, "_unknown_versions", {f"aiortc {aiortc.__version__}"})
    async with served(offers=True, wants=True) as client:
        with anyio.fail_after(WITHIN):
            await client.connect()
            frame = await anext(client.audio())
        assert frame.data.shape == (960, 2)


def test_a_prompt_always_sounds_the_same_and_another_one_different() -> None:
    cat, again, dog = (soundscape((prompt,)) for prompt in ("a cat", "a cat", "a dog"))
    assert cat.shape == (SAMPLE_RATE * LOOP_SECONDS, 2)
    assert (cat == again).all()
    assert (cat != dog).any()
    assert soundscape(()).any()
