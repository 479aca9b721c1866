"""What of a handshake is lost is sent again soon: real ends of DTLS and ICE, in virtual time."""

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection
from aiortc.rtcdtlstransport import RTCDtlsTransport
from house.lossy_paths import Loses, Messages, Wire, association, in_virtual_time, now
from OpenSSL import SSL

from odyssey_anyio.media import aiortc_internals, data_channels, handshakes
from odyssey_anyio.media.gathering import Gathering
from odyssey_anyio.media.servers import ServerSearch
from odyssey_proto.model.ice import IceConfig


@pytest.fixture(autouse=True)
def openssl_sends_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its timers go by the clock of the machine, on which nothing here shall depend."""
    monkeypatch.setattr(SSL.Connection, "DTLSv1_get_timeout", lambda connection: None)


async def shake_hands(
    loses: Loses, repeating: tuple[bool, bool] = (True, True), patience: float = 30
) -> tuple[float, list[bytes]]:
    """Returns how long a handshake takes, and all that was sent; which ends repeat, the client first."""
    sent: list[bytes] = []
    client, server = (Wire(role, loses, sent) for role in ("controlled", "controlling"))
    client.other, server.other = server, client
    plain = [wire._recv for wire in (client, server)]
    ends = [
        RTCDtlsTransport(wire, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]  # see Wire
        for wire in (client, server)
    ]
    for end, repeats in zip(ends, repeating, strict=True):
        pc = SimpleNamespace(getTransceivers=list, sctp=SimpleNamespace(transport=end))
        assert not repeats or handshakes.repeat_flights(pc)
    one, other = ends
    try:
        async with asyncio.timeout(patience):
            await asyncio.gather(one.start(other.getLocalParameters()), other.start(one.getLocalParameters()))
        took = now()
        client.loses = server.loses = lambda number: False
        # What comes next shows that the other side is through as well; nothing stands between then.
        await one._send_data(b"hello")
        await other._send_data(b"hello")
        await asyncio.sleep(1)
        assert [wire._recv for wire in (client, server)] == plain
    finally:
        client.close()
        server.close()
        await asyncio.gather(one.stop(), other.stop())
        await asyncio.sleep(0)
    return took, sent


FLIGHTS = ("client hello", "server hello", "finished by the client", "finished by the server")


@pytest.mark.parametrize("lost", range(4), ids=FLIGHTS)
def test_a_flight_of_dtls_that_is_lost_comes_again(lost: int) -> None:
    took, _ = in_virtual_time(lambda: shake_hands(lambda number: number == lost))
    assert took == pytest.approx(handshakes.FIRST_SECONDS)


def test_nothing_is_repeated_where_nothing_is_lost() -> None:
    took, sent = in_virtual_time(lambda: shake_hands(lambda number: False))
    assert took == 0
    # The four flights, and two messages.
    assert len(sent) == len(set(sent)) == 6


@pytest.mark.parametrize("seed", range(5))
def test_a_handshake_over_a_path_that_loses_a_third(seed: int) -> None:
    chance = random.Random(seed)
    took, _ = in_virtual_time(lambda: shake_hands(lambda number: chance.random() < 1 / 3 and number < 30))
    assert took < 4


@pytest.mark.parametrize("lost", [0, 2], ids=[FLIGHTS[0], FLIGHTS[2]])
def test_the_other_end_needs_to_know_nothing_of_repeats(lost: int) -> None:
    took, _ = in_virtual_time(lambda: shake_hands(lambda number: number == lost, (True, False)))
    assert took == pytest.approx(handshakes.FIRST_SECONDS)


async def unanswered(patience: float) -> list[float]:
    """Returns when something was sent that was lost, also after a handshake was given up."""
    sent: list[float] = []

    def lost(number: int) -> bool:
        sent.append(round(now(), 3))
        return True

    with pytest.raises(TimeoutError):
        await shake_hands(lost, patience=patience)
    await asyncio.sleep(100)
    return sent


def test_a_handshake_without_an_answer_is_repeated_some_times() -> None:
    sent = in_virtual_time(lambda: unanswered(30))
    assert sent[:6] == [0, 0.05, 0.15, 0.35, 0.75, 1.15]
    assert len(sent) == 1 + handshakes.MAX_REPEATS


def test_repeats_end_with_their_connection() -> None:
    assert in_virtual_time(lambda: unanswered(0.2)) == [0, 0.05, 0.15]


def test_what_openssl_sends_again_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own timer, which goes by the clock of the machine."""
    monkeypatch.undo()
    sent: list[bytes] = []

    async def wait_for_openssl() -> None:
        client = Wire("controlled", lambda number: True, sent)
        end = RTCDtlsTransport(client, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]  # see Wire
        assert handshakes.repeat_flights(
            SimpleNamespace(getTransceivers=list, sctp=SimpleNamespace(transport=end))
        )
        handshake = asyncio.create_task(end.start(end.getLocalParameters()))
        async with asyncio.timeout(30):
            while len(set(sent)) < 2:
                await asyncio.sleep(0.01)
        # Long enough for two repeats.
        await asyncio.sleep(0.3)
        handshake.cancel()
        client.close()
        await asyncio.wait([handshake])
        await end.stop()

    asyncio.run(wait_for_openssl())
    first, *others = dict.fromkeys(sent)
    assert sent.count(first) > 1
    assert [sent.count(other) for other in others] == [1] * len(others)


async def gather_and_look() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("video", direction="recvonly")
    pc.createDataChannel("down")
    gathering = Gathering(pc, ServerSearch(IceConfig()))
    data_channels.guard(pc.sctp)
    assert await gathering.gather(await pc.createOffer())
    try:
        for dtls in (pc.getTransceivers()[0].receiver.transport, pc.sctp.transport):  # type: ignore[union-attr]  # made
            assert dtls.transport._send.__module__ == handshakes.__name__
            assert dtls.transport._recv.__module__ == handshakes.__name__
            sockets = dtls.transport.iceGatherer._connection._protocols
            assert sockets
            assert {each.send_stun.__module__ for each in sockets} == {handshakes.__name__}
        assert pc.sctp is not None
        assert pc.sctp._t1_start.__module__ == handshakes.__name__
    finally:
        await gathering.aclose()


def test_a_connection_of_ours_does_all_that() -> None:
    asyncio.run(gather_and_look())


def test_an_unknown_aiortc_repeats_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))

    async def untouched() -> None:
        wire = Wire("controlled", lambda number: False, [])
        dtls = RTCDtlsTransport(wire, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]  # see Wire
        pc = SimpleNamespace(getTransceivers=list, sctp=SimpleNamespace(transport=dtls))
        assert not handshakes.repeat_flights(pc)
        assert vars(wire).keys().isdisjoint({"_send", "_recv"})
        requests = Requests()
        assert not handshakes.repeat_checks(SimpleNamespace(_check_list_done=False), requests)
        assert "send_stun" not in vars(requests)
        sctp = association(Messages("controlled", lambda number: False, []))
        assert not handshakes.repeat_beginning(sctp)
        assert not aiortc_internals.set_timeouts(sctp, 0.1, 0.1)
        assert sctp._rto == 3.0

    asyncio.run(untouched())


# --- ICE ----------------------------------------------------------------------------------------


class Requests:
    """A socket of aioice, as far as its requests use it."""

    def __init__(self) -> None:
        self.transactions: dict[bytes, stun.Transaction] = {}
        self.sent: list[float] = []

    def send_stun(self, message: stun.Message, addr: Any) -> None:
        self.sent.append(round(now(), 3))


async def check(until: float, *, answered: bool) -> list[float]:
    """Returns when a check was sent that is answered at some time, or whose connection has its path then."""
    protocol, connection = Requests(), SimpleNamespace(_check_list_done=False)
    assert handshakes.repeat_checks(connection, protocol)
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
    transaction = stun.Transaction(request, ("192.0.2.1", 9), protocol)
    protocol.transactions[request.transaction_id] = transaction
    asking = asyncio.create_task(transaction.run())
    await asyncio.sleep(until)
    if answered:
        transaction.response_received(answer, ("192.0.2.1", 9))
        await asking
        del protocol.transactions[request.transaction_id]
    else:
        connection._check_list_done = True
        asking.cancel()
    await asyncio.sleep(100)
    return protocol.sent


@pytest.mark.parametrize("answered", [True, False])
def test_a_check_is_repeated_until_it_is_answered_or_not_needed(answered: bool) -> None:
    assert in_virtual_time(lambda: check(0.02, answered=answered)) == [0]
    # At 0.5 s it is sent by aioice itself.
    assert in_virtual_time(lambda: check(0.6, answered=answered)) == [0, 0.05, 0.15, 0.35, 0.5]


def test_a_check_without_an_answer_is_not_repeated_for_long() -> None:
    sent = in_virtual_time(lambda: check(60, answered=False))
    assert len(sent) == 1 + stun.RETRY_MAX + handshakes.MAX_REPEATS
    assert len([at for at in sent if at > 3]) < stun.RETRY_MAX


def test_a_socket_of_another_shape_is_left_alone() -> None:
    bare = SimpleNamespace(send_stun=print)
    assert not handshakes.repeat_checks(SimpleNamespace(_check_list_done=False), bare)
    assert bare.send_stun is print
    requests = Requests()
    assert not handshakes.repeat_checks(SimpleNamespace(), requests)
    assert "send_stun" not in vars(requests)


def test_an_unknown_aioice_repeats_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_ICE_VERSIONS", ("0.1.",))
    requests = Requests()
    assert aiortc_internals.known()
    assert not handshakes.repeat_checks(SimpleNamespace(_check_list_done=False), requests)
    assert "send_stun" not in vars(requests)


def test_a_handshake_of_another_shape_is_left_alone() -> None:
    async def untouched() -> None:
        wire = Wire("controlled", lambda number: False, [])
        dtls = RTCDtlsTransport(wire, [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]  # see Wire
        sctp = association(Messages("controlled", lambda number: False, []))
        del dtls._role, sctp._remote_port
        pc = SimpleNamespace(getTransceivers=list, sctp=SimpleNamespace(transport=dtls))
        assert not handshakes.repeat_flights(pc)
        assert "_send" not in vars(wire)
        assert not handshakes.repeat_beginning(sctp)
        assert "_t1_start" not in vars(sctp)

    asyncio.run(untouched())
