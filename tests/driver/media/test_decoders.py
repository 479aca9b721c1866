"""The threads that decode: few, fair, there while they are needed, and gone afterwards."""

import threading
from contextlib import AsyncExitStack

import anyio
import pytest
from house.video_pair import encoded, until

from odyssey_anyio.media.decoders import Decoder, DecoderThreads

WITHIN = 10.0
"""More than anything here takes, in seconds."""


def decoding() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "odyssey decoder"}


@pytest.mark.anyio
async def test_threads_start_with_the_first_video_and_end_with_the_last() -> None:
    threads = DecoderThreads(2)
    async with AsyncExitStack() as videos:
        for count in (1, 2, 2):
            await videos.enter_async_context(threads.used())
            assert len(decoding()) == count
        assert repr(threads) == "<DecoderThreads 2 of 2, 3 videos>"
    assert decoding() == set()
    async with threads.used():
        assert len(decoding()) == 1
    assert decoding() == set()


@pytest.mark.anyio
async def test_each_video_gets_its_turn() -> None:
    threads = DecoderThreads(1)
    turns: list[str] = []
    begin = threading.Event()

    def step(name: str) -> bool:
        begin.wait(WITHIN)
        turns.append(name)
        return turns.count(name) < 3

    async with threads.used():
        for name in "ab":
            threads.submit(lambda name=name: step(name))  # type: ignore[misc]  # this name
        begin.set()
        await until(lambda: len(turns) == 6)
    assert turns == ["a", "b"] * 3


@pytest.mark.anyio
async def test_what_is_being_decoded_is_finished_at_the_end() -> None:
    threads = DecoderThreads(1)
    begun, finished = threading.Event(), threading.Event()

    def step() -> bool:
        begun.set()
        finished.wait(WITHIN)
        return False

    async with anyio.create_task_group() as group:

        async def finish() -> None:
            # The loop is not held up meanwhile, and who comes next has a thread of its own.
            await until(lambda: repr(threads) == "<DecoderThreads 0 of 1, 0 videos>")
            done: list[bool] = []

            def once() -> bool:
                done.append(True)
                return False

            async with threads.used():
                threads.submit(once)
                await until(lambda: len(done) == 1)
            assert len(decoding()) == 1
            finished.set()

        async with threads.used():
            threads.submit(step)
            await until(begun.is_set)
            group.start_soon(finish)
        assert finished.is_set()
        assert decoding() == set()


@pytest.mark.anyio
async def test_where_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = DecoderThreads(2)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            async with threads.used():
                pass
    async with threads.used():
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            async with threads.used():
                assert len(decoding()) == 1
    assert decoding() == set()
    assert caplog.messages == ["one thread less decodes: no more can be started"]


@pytest.mark.parametrize(("codec", "encoder"), [("VP8", "libvpx"), ("H264", "libx264")])
def test_a_decoder_decodes_each_coding(codec: str, encoder: str) -> None:
    decoder = Decoder()
    packets = [bytes(packet) for packet in encoded(encoder, 320, 240, 3)]
    pictures = [picture for at, data in enumerate(packets) for picture in decoder.decode(codec, data, at)]
    assert [picture.width for picture in pictures] == [320] * len(pictures)
    assert [picture.pts for picture in pictures] == list(range(len(pictures)))
    assert pictures
    assert repr(decoder) == f"<Decoder {codec}>"
    with pytest.raises(KeyError):
        decoder.decode("VP9", packets[0], 0)
