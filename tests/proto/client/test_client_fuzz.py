"""A client that hears anything at all, well formed or not, from whoever it knows and whoever it does not."""

from typing import Any

from house.fuzz import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Span, after, seconds
from odyssey_proto.model.events import StatusChanged
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Command, CommandId, Disconnect
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.testing.situations import Situation, reached
from odyssey_proto.testing.strategies.clients import inputs, situations

pauses = st.sampled_from([0, 1, 500_000, 11_000_000]).map(Span)


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations, st.lists(st.tuples(pauses, inputs), max_size=25))
def test_random_inputs_never_raise(situation: Situation, script: list[tuple[Span, Any]]) -> None:
    world = reached(situation)
    client, now, waiting = world.client, world.now, set(world.obligations.unanswered)
    leave = [(Span(0), Command(CommandId(0), Disconnect())), *[(seconds(60), Wake())] * 3]
    for number, (span, inp) in enumerate([*script, *leave], 100):
        now = after(now, span)
        if isinstance(inp, Command):
            inp = Command(CommandId(number), inp.what)
            waiting.add(inp.command)
        try:
            outputs = client.step(now, inp)
        except LocalProtocolError:
            assert isinstance(inp, Command), "only a command can be refused"
            waiting.remove(inp.command)
            continue
        assert client.deadline is None or client.deadline.at > now
        for output in outputs:
            match output:
                case o.Completed(command) | o.Failed(command):
                    waiting.remove(command)
                case o.Happened(StatusChanged(_, str(message))):
                    assert message.isprintable(), "what others say is one line"
    assert (waiting, client.deadline, client.states, client.has_session) == (set(), None, (), False)
