"""The simulator: its runs obey the laws, are the same for the same seed, and become small when they fail."""

from typing import Any

import pytest
from attrs import evolve
from house.fuzz import examples

from odyssey_proto.client.client import Client
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Instant, Machine, Span, millis, seconds
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.events import ConnectionStatus, Disconnected
from odyssey_proto.model.script import End, Start
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    Disconnect,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import ExchangeId, HttpReply
from odyssey_proto.seam.inputs import Replied, SocketId, SocketText, Wake
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.faults import NoOffer, Silent
from odyssey_proto.testing.simulation import Coverage, Plan, broken_law, drawn, shrunk, simulate
from odyssey_proto.testing.simulation.coverage import NEVER_TAKEN, all_edges
from odyssey_proto.testing.simulation.plan import (
    ConnectMinted,
    Disturbance,
    Disturbed,
    DownloadLast,
    Give,
    GiveUp,
    Happening,
    Jump,
    Restart,
    Say,
)
from odyssey_proto.testing.simulation.unreliable import truncated

SECOND = Instant(1_000_000)


def at(number: float) -> Instant:
    return Instant(seconds(number))


def plan(*happenings: Happening, **more: Any) -> Plan:
    return Plan(seed=b"test", happenings=happenings, **more)


CONNECTED = (Give(at(0), 0, Connect()), Give(at(1), 0, StartStream("A cat")))


def test_the_laws_hold_in_runs_of_all_kinds() -> None:
    coverage = Coverage()
    with coverage.counting():
        for number in range(examples(400)):
            run = simulate(drawn(b"usual/%d" % number))
            for client in run.clients:
                coverage.add_statuses(client.statuses)
    assert len(coverage.missing()) < len(all_edges()) / 2
    assert {after for _, after in coverage.statuses} >= {ConnectionStatus.CONNECTED, ConnectionStatus.FAILED}
    assert not set(coverage.edges) & set(NEVER_TAKEN), "what is said to be never taken was taken"
    assert set(NEVER_TAKEN) <= set(all_edges())
    assert set(coverage.edges) <= set(all_edges()), "no part goes another way"
    assert ("recovery", "IDLE", "becomes", "WAITING") in coverage.edges


def test_counting_ends_with_its_block_and_counts_add_up() -> None:
    one, other = Coverage(), Coverage()
    with one.counting():
        simulate(plan(*CONNECTED))
    simulate(plan(*CONNECTED))
    taken = one.edges["stream", "IDLE", "client", "InteractiveStreamStart"]
    assert taken == 2, "by the client and by the service"
    other.add(one)
    other.add(one)
    assert other.edges["stream", "IDLE", "client", "InteractiveStreamStart"] == 2 * taken
    assert ("stream", "IDLE", "client", "InteractiveStreamStart") not in other.missing()


def test_a_streamer_that_speaks_before_the_session_is_connected_holds_nobody_up() -> None:
    simulate(drawn(b"release/10164"))


def test_a_seed_has_one_run() -> None:
    assert drawn(b"7") == drawn(b"7") != drawn(b"8")
    one, again = simulate(drawn(b"7")), simulate(drawn(b"7"))
    assert [client.steps for client in one.clients] == [client.steps for client in again.clients]
    assert (one.steps, one.begun, one.established) == (again.steps, again.begun, again.established)


def test_clients_of_one_service_do_not_meet() -> None:
    lives = [
        each
        for number in range(3)
        for each in (
            Give(at(0), number, Connect()),
            Give(at(1), number, StartStream("A cat")),
            Give(at(2), number, Interact(f"Pet cat {number}")),
        )
    ]
    run = simulate(plan(*sorted(lives, key=lambda each: each.at), clients=3))
    assert (run.begun, run.established) == (3, 3)
    for number, client in enumerate(run.clients):
        assert client.the(Interact).result.startswith(f"Pet cat {number}")


def test_one_client_mints_for_another() -> None:
    run = simulate(
        plan(ConnectMinted(at(0), 1), Give(at(0), 0, MintCredentials()), ConnectMinted(at(2), 1), clients=2)
    )
    assert (run.begun, run.established) == (1, 1)


def test_a_restart_ends_what_was_and_serves_what_comes() -> None:
    run = simulate(
        plan(
            *CONNECTED,
            Give(at(2), 1, Connect()),
            Restart(Instant(at(2) + millis(15))),
            Give(at(5), 0, Connect()),
            clients=2,
        )
    )
    assert run.established >= 2
    first, second = run.clients
    assert len(first.events_of(Disconnected)) == 2
    assert second.commands[0].ended_at is not None


def test_a_restart_in_the_middle_of_a_download() -> None:
    film = Call("simulations.create", SimulationRequest(script=(Start("A cat"), End(5))))
    end = Give(at(3), 0, EndStream())
    load = DownloadLast(at(4), 0)
    quiet = simulate(plan(DownloadLast(at(0), 0), *CONNECTED, Give(at(2), 0, film), end, load))
    assert quiet.clients[0].the(Download).result is None
    restarts = [Restart(Instant(load.at + millis(10 * number + 5))) for number in range(8)]
    broken = [simulate(plan(*CONNECTED, end, load, restart)).clients[0].the(Download) for restart in restarts]
    assert any(isinstance(each.outcome, Failure) for each in broken)


def test_a_command_is_given_up_and_one_that_is_not_there_is_not() -> None:
    run = simulate(plan(GiveUp(at(0), 0), Give(at(0), 0, Connect()), GiveUp(at(0), 0)))
    connect = run.clients[0].the(Connect)
    assert connect.failure.kind is FailureKind.ABANDONED


def test_what_is_said_unasked_arrives_on_either_channel() -> None:
    news = '{"type": "news"}'
    words = [Say(at(2), 0, side, news, on_channel) for side in Side for on_channel in (False, True)]
    run = simulate(plan(Say(at(0), 0, Side.SERVER, news), *CONNECTED, *words))
    client = run.clients[0]
    texts = [step.input for step in client.steps if getattr(step.input, "text", "") == news]
    assert {type(each).__name__ for each in texts} == {"SocketText", "ChannelText"}


@pytest.mark.parametrize("how", Disturbance)
@pytest.mark.parametrize("number", range(0, 40, 3))
def test_anything_may_be_disturbed(how: Disturbance, number: int) -> None:
    run = simulate(plan(*CONNECTED, disturbed=(Disturbed(number, how, seconds(45)),)))
    assert run.begun == 1


def test_a_delay_keeps_the_order_of_its_connection() -> None:
    late = tuple(Disturbed(number, Disturbance.DELAY, Span(7_000)) for number in range(0, 60, 2))
    run = simulate(plan(*CONNECTED, disturbed=late))
    assert run.established == 1
    assert run.clients[0].commands[1].result


def test_what_is_truncated() -> None:
    assert truncated(SocketText(SocketId(1), "abcd")) == SocketText(SocketId(1), "ab")
    reply = Replied(ExchangeId(1), HttpReply(200, (), b"abcd"))
    assert truncated(reply) == Replied(ExchangeId(1), HttpReply(200, (), b"ab"))
    assert truncated(Wake()) == Wake()


# --- what fails -----------------------------------------------------------------------------------


class Forgetful(Client):
    """A client that breaks when it is asked to change a stream."""

    def step(self, now: Instant, inp: Any, /) -> Any:
        if isinstance(getattr(inp, "what", None), Interact):
            raise RuntimeError("forgotten\nin two lines")
        return super().step(now, inp)


def forgetful(settings: Settings) -> Machine[Any, Any]:
    return Forgetful(settings)


def fails(one: Plan) -> bool:
    try:
        simulate(one, forgetful)
    except RuntimeError:
        return True
    return False


def test_a_plan_that_fails_becomes_small() -> None:
    long = next(each for number in range(100) if fails(each := drawn(b"long/%d" % number)))
    faults = (Silent("/nowhere"), NoOffer(1))
    long = evolve(
        long,
        service=evolve(long.service, faults=faults),
        disturbed=(Disturbed(999, Disturbance.LOSS),),
    )
    (left,) = shrunk(long, fails).happenings
    assert isinstance(left, Give)
    assert isinstance(left.what, Interact)
    assert (shrunk(long, fails).disturbed, shrunk(long, fails).service.faults) == ((), ())


def test_what_breaks_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_law(plan(*CONNECTED)) is None
    monkeypatch.setattr("odyssey_proto.testing.simulation.run.MAX_STEPS", 10)
    assert broken_law(plan(*CONNECTED)) == "AssertionError: no machine runs in circles"
    whole = plan(*CONNECTED, Give(at(2), 0, Disconnect()), Jump(at(3), seconds(1)))
    assert len(shrunk(whole).happenings) == 1
