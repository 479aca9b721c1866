"""A peer from which nothing comes any more is reported, and one that only sends no video is not."""

from typing import Any

import anyio
import pytest
from house.video_pair import PEER, VideoPair, picture, until, video_pair

from odyssey_anyio.media import silence
from odyssey_anyio.media.delivery import Newest
from odyssey_anyio.media.silence import CHECK_SECONDS
from odyssey_proto.client.live.path_check import GRACE_TIME
from odyssey_proto.seam.inputs import (
    MediaSeen,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    TransportError,
    TransportErrorKind,
)

pytestmark = pytest.mark.anyio


class Mute:
    """Stands for the socket of a peer that has gone: nothing that it sends arrives, or nothing but `stun`."""

    def __init__(self, transport: Any, *, stun: bool = False) -> None:
        self.real = transport
        self._stun = stun

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def sendto(self, data: bytes, address: Any) -> None:
        """Sends checks of ICE and answers to them at most; by its first byte a packet is known (RFC 7983)."""
        if self._stun and data[0] < 4:
            self.real.sendto(data, address)


def sockets_of(pair: VideoPair) -> list[Any]:
    """Returns what the sender sends by."""
    transport = pair.sender._peers[PEER]._pc.sctp.transport.transport
    return list(transport._connection._protocols)


def mute(pair: VideoPair, *, stun: bool = False) -> None:
    for protocol in sockets_of(pair):
        protocol.transport = Mute(protocol.transport, stun=stun)


def speak(pair: VideoPair) -> None:
    for protocol in sockets_of(pair):
        protocol.transport = protocol.transport.real


def states(pair: VideoPair) -> list[PeerState]:
    """Returns the states that the receiver reported since it was connected."""
    changes = [n.state for n in pair.notices[pair.receiver] if isinstance(n, PeerStateChanged)]
    return changes[changes.index(PeerState.CONNECTED) :]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the times, in their order."""
    monkeypatch.setattr(silence, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(silence, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(silence, "SILENCE_SECONDS", 0.6)


async def test_a_peer_that_falls_silent_is_reported_and_so_is_its_return() -> None:
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Newest())
        await pair.send_until(lambda: frames.account.received > 2, picture)
        pair.sender.call(PEER, lambda: mute(pair))
        await until(lambda: states(pair) == [PeerState.CONNECTED, PeerState.DISCONNECTED])
        pair.sender.call(PEER, lambda: speak(pair))
        await until(lambda: states(pair)[2:] == [PeerState.CONNECTED])
        assert pair.failures() == []


async def test_a_peer_that_sends_no_video_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers when it is asked; nothing else comes from it, no report on its video either."""
    answers = 0

    async def ask_peer(pc: Any) -> bool:
        nonlocal answers
        answered = await real(pc)
        answers += answered
        return answered

    real = silence.ask_peer
    monkeypatch.setattr(silence, "ask_peer", ask_peer)
    async with video_pair() as pair:
        pair.sender.call(PEER, lambda: mute(pair, stun=True))
        # More than a silence that is reported would have been long.
        await until(lambda: answers * silence.PROBE_SECONDS > 2 * silence.SILENCE_SECONDS)
        assert states(pair) == [PeerState.CONNECTED]


async def test_a_silent_peer_is_asked_anew_at_each_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question takes long when its packet is lost, and nobody waits for it."""
    asked = 0

    async def ask_peer(pc: Any) -> bool:
        nonlocal asked
        asked += 1
        if asked < 4:
            await anyio.sleep_forever()
        return True

    monkeypatch.setattr(silence, "ask_peer", ask_peer)
    async with video_pair() as pair:
        pair.sender.call(PEER, lambda: mute(pair))
        await until(lambda: asked > 8)
        assert states(pair) == [PeerState.CONNECTED]


def test_what_there_is_has_the_time_of_two_questions_to_answer_in() -> None:
    assert GRACE_TIME / 1_000_000 > 2 * CHECK_SECONDS


async def test_an_address_of_ours_that_is_gone_is_the_reason_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SILENCE_SECONDS", 1000.0)
    monkeypatch.setattr(silence, "has_address", lambda host: False)
    async with video_pair() as pair:
        pair.sender.call(PEER, lambda: mute(pair))
        await until(lambda: pair.failures() != [])
        [failed] = pair.failures()
        assert failed == PeerFailed(PEER, TransportError(TransportErrorKind.UNREACHABLE))


async def test_frames_that_are_not_decoded_are_counted_as_such() -> None:
    import av

    async with video_pair() as pair:

        def broken() -> Any:
            # The head of no keyframe, so it could only build on another one.
            return av.Packet(bytes([0x11, 0, 0]) + bytes(200))

        def counts() -> list[tuple[int, int]]:
            seen = [n for n in pair.notices[pair.receiver] if isinstance(n, MediaSeen)]
            return [(each.received, each.undecoded) for each in seen]

        await pair.send_until(lambda: bool(counts()) and counts()[-1][1] > 10, broken)
        assert {received for received, _ in counts()} == {0}
