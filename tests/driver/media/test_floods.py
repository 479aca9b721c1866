"""What floods a peer or the application breaks that peer, and nothing else."""

import threading
from collections.abc import Callable

import anyio
import anyio.to_thread
import pytest
from house.engines import Media, started

import odyssey_anyio.media.engine as engine_module
import odyssey_anyio.media.peer as peer_module
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.remote_candidates import MAX_CANDIDATES
from odyssey_proto.model.ice import IceCandidate, IceConfig
from odyssey_proto.seam.inputs import (
    ChannelText,
    PeerFailed,
    PeerId,
    SdpKind,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import AddCandidate, ChannelSend, DropPeer, MakeAnswer, MakePeer, SetRemote

WITHIN = 20.0
"""More than anything here takes, in seconds."""

ONE, TWO = PeerId(1), PeerId(2)


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.002)


@pytest.mark.anyio
async def test_a_peer_that_floods_the_application_is_broken_and_that_arrives(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MAX_MAILBOX_BYTES", 300_000)
    async with started(media()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        owner.engine.order(MakePeer(TWO, IceConfig()))
        engine = owner.engine
        flooded = threading.Event()

        def flood() -> None:
            for _ in range(100):
                engine._report(ChannelText(ONE, "streamerToClient", "x" * 10_000))
            flooded.set()

        media.strike(flood)
        # The application does not get round to anything meanwhile.
        assert flooded.wait(WITHIN)
        await until(lambda: owner.errors_of(ONE) != [])
        assert owner.errors_of(ONE) == [TransportError(TransportErrorKind.TOO_LARGE)]
        texts = [notice for notice in owner.reports if isinstance(notice, ChannelText)]
        assert len(texts) == 7
        assert owner.reports[-1] == PeerFailed(ONE, TransportError(TransportErrorKind.TOO_LARGE))
        await until(lambda: set(engine._peers) == {TWO})


@pytest.mark.anyio
async def test_orders_without_room_break_the_peer_and_it_can_still_be_dropped(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "MAX_MAILBOX_BYTES", 100_000)
    async with started(media()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        engine = owner.engine
        await until(lambda: ONE in engine._peers)
        free = threading.Event()
        media.strike(lambda: free.wait(WITHIN) and None)
        while not owner.errors_of(ONE):
            engine.order(ChannelSend(ONE, "clientToStreamer", "x" * 10_000))
        assert owner.errors_of(ONE) == [TransportError(TransportErrorKind.TOO_LARGE)]
        engine.order(DropPeer(ONE))
        free.set()
        await until(lambda: ONE not in engine._peers)


@pytest.mark.anyio
async def test_orders_that_wait_for_a_peer_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "MAX_WAITING_BYTES", 100_000)
    async with started(Engine()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        owner.engine.order(SetRemote(ONE, SdpKind.OFFER, "x" * 30_000))
        await until(lambda: owner.errors_of(ONE) != [])
        assert owner.errors_of(ONE) == [TransportError(TransportErrorKind.TOO_LARGE)]


@pytest.mark.anyio
async def test_the_candidates_of_a_peer_are_bounded() -> None:
    text = "1 1 UDP 2122252543 192.0.2.1 9 typ host"
    async with started(Engine()) as owner:
        owner.engine.order(MakePeer(ONE, IceConfig()))
        for _ in range(MAX_CANDIDATES):
            owner.engine.order(AddCandidate(ONE, IceCandidate(text, "0", 0)))
        # An error of its own, so that the order of things is known.
        owner.engine.order(MakePeer(TWO, IceConfig()))
        owner.engine.order(MakeAnswer(TWO))
        await until(lambda: owner.errors_of(TWO) != [])
        assert owner.errors_of(ONE) == []
        owner.engine.order(AddCandidate(ONE, IceCandidate(text, "0", 0)))
        await until(lambda: owner.errors_of(ONE) != [])
        assert owner.errors_of(ONE) == [TransportError(TransportErrorKind.TOO_LARGE)]
