"""
Planted bugs, each of which must be caught: by a replay, or by the laws.

A check that no bug can fail proves nothing; here are the bugs.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from core.traced_sessions import recorded, scenarios
from house.fuzz import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.client.connecting.region_pings import RegionPings
from odyssey_proto.client.live.pending_replies import PendingReplies
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.inputs import SocketText
from odyssey_proto.testing.actions import Action, perform
from odyssey_proto.testing.situations import Situation, reached
from odyssey_proto.testing.strategies.clients import actions, scripts
from odyssey_proto.trace import difference
from odyssey_proto.trace.machines import fresh

type Plant = Callable[[pytest.MonkeyPatch], None]


def hidden_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline depends on how often the process did something, not on the inputs."""
    clock = count(1)
    add = PendingReplies.add

    def plus_clock(self: PendingReplies, command: Any, expires: Instant) -> None:
        add(self, command, Instant(expires + next(clock)))

    monkeypatch.setattr(PendingReplies, "add", plus_clock)


def unordered_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings leave in the order of a set, which is another one in every run."""
    runs = count(1)
    begin = RegionPings.begin

    def by_hash(self: RegionPings) -> list[Any]:
        salt = next(runs)
        return sorted(begin(self), key=lambda ping: hash((salt, ping.request.params.ping_url)))

    monkeypatch.setattr(RegionPings, "begin", by_hash)


def forgotten_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those who wait, one gets no end."""
    fail_all = PendingReplies.fail_all
    monkeypatch.setattr(PendingReplies, "fail_all", lambda self, failure: fail_all(self, failure)[:-1])


def swallowed_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message that comes after the first is lost."""
    network = Client._network

    def deaf(self: Client, now: Instant, inp: Any) -> Any:
        again = isinstance(inp, SocketText) and self.session_id in _seen
        _seen.update([self.session_id] if isinstance(inp, SocketText) else [])
        return [] if again else network(self, now, inp)

    _seen: set[Any] = set()
    monkeypatch.setattr(Client, "_network", deaf)


def uncompleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply is taken, and whoever waits for it gets no end."""
    complete = PendingReplies.complete_first

    def complete_nobody(self: PendingReplies, result: object) -> list[Any]:
        complete(self, result)
        return []

    monkeypatch.setattr(PendingReplies, "complete_first", complete_nobody)


def test_the_healthy_core_goes_the_recorded_way() -> None:
    for record in scenarios().values():
        assert difference(record(), fresh) is None
    hold_laws()


@pytest.mark.parametrize("plant", [hidden_clock, unordered_set])
def test_a_bug_that_is_not_of_the_inputs_is_caught_by_its_own_recording(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert any(difference(record(), fresh) is not None for record in scenarios().values())


@pytest.mark.parametrize(
    "plant", [hidden_clock, unordered_set, forgotten_waiter, swallowed_message, uncompleted]
)
def test_a_bug_is_caught_by_the_recordings_of_the_healthy_core(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = {name: record() for name, record in scenarios().items()}
    plant(monkeypatch)
    found = [name for name, trace in healthy.items() if difference(trace, fresh) is not None]
    assert found


@pytest.mark.parametrize("plant", [forgotten_waiter, uncompleted])
def test_a_waiter_who_gets_no_end_breaks_the_laws(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match="every accepted command ends"):
        hold_laws()


def test_the_recording_of_a_session_is_the_same_every_time() -> None:
    assert recorded() == recorded()


def hold_laws() -> None:
    @settings(
        max_examples=examples(100),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.sampled_from([Situation.CONNECTED, Situation.STREAMING]), scripts(actions, 25))
    def laws(situation: Situation, script: list[Action]) -> None:
        world = reached(situation)
        for action in script:
            perform(world, action)
        world.finish()

    laws()
