"""What is not exported: what does not replay, what would hold a secret, what cannot be closed."""

from typing import Any

import pytest
from attrs import evolve
from core.canary_session import canary_session, exported
from core.traced_sessions import SETTINGS, giving, recorded

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.seam.commands import Call, Command, CommandId, EndStream, Interact
from odyssey_proto.trace import Header, Recorder, ServiceSettings, Trace, TraceBuffer
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Prompts, Redaction
from odyssey_proto.trace.redaction.redactor import RedactionError, redacted, same_way
from odyssey_proto.trace.redaction.texts import Texts
from odyssey_proto.trace.values import Step


def test_a_service_is_not_exported() -> None:
    with pytest.raises(RedactionError, match="record its clients"):
        redacted(Trace(Header(ServiceSettings())), fresh)


def test_a_trace_that_does_not_replay_is_not_exported() -> None:
    trace = recorded()
    odd = evolve(trace, steps=(evolve(trace.steps[0], outputs=()), *trace.steps[1:]))
    with pytest.raises(RedactionError, match="step 0 went another way") as caught:
        redacted(odd, fresh)
    assert caught.value.difference is not None


def test_what_has_no_place_in_a_trace_is_not_exported() -> None:
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    with pytest.raises(LocalProtocolError):
        client.step(Instant(0), Command(CommandId(1), Call("recordings.get", object())))
    with pytest.raises(RedactionError, match="has no place in a trace"):
        redacted(buffer.trace(), fresh)


def test_an_export_that_would_hold_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Texts, "words", lambda self, text, **how: text)
    with pytest.raises(RedactionError, match="the export would hold a secret in line") as caught:
        redacted(canary_session(), fresh)
    assert "canary" not in str(caught.value)


def test_an_export_whose_replay_goes_another_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Texts, "name", lambda self, name: self.words(name, secret=True))
    with pytest.raises(RedactionError, match="step 1 went another way") as caught:
        redacted(canary_session(), fresh)
    assert caught.value.difference is not None
    assert "canary" not in repr(caught.value.difference) + caught.value.difference.text


def moved_on(trace: Trace, at: int, **changes: Any) -> Trace:
    """Returns the trace of another version of the core, which took one step otherwise."""
    steps = [evolve(step, **changes) if index == at else step for index, step in enumerate(trace.steps)]
    return evolve(trace, header=evolve(trace.header, behaviour=BEHAVIOUR + 1), steps=tuple(steps))


def test_an_export_of_another_version_stays_as_it_is_or_is_refused() -> None:
    trace = moved_on(redacted(recorded(), fresh), 0, deadline=None)
    assert redacted(trace, fresh) == trace
    with pytest.raises(RedactionError, match="of another version of the core, which alone can redact it"):
        redacted(trace, fresh, Redaction(prompts="hash"))
    with pytest.raises(RedactionError, match="of another version of the core, which alone can redact it"):
        redacted(moved_on(recorded(), 0, deadline=None), fresh)


def test_a_trace_of_another_version_that_does_not_hold_is_refused() -> None:
    trace = moved_on(canary_session(), 0, outputs=())
    with pytest.raises(RedactionError, match="the application saw 1 things again") as caught:
        redacted(trace, fresh)
    found = caught.value.difference
    assert found is not None
    assert "canary" not in repr(found) + found.text


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ("a", "bc", True),
        ("a", "", False),
        ("a", b"a", False),
        (1, 2, False),
        (12345678, 87654321, True),
        (True, False, False),
        (Prompts.KEEP, Prompts.DROP, False),
        (Secret("a"), Secret("b"), True),
        (("a",), ("a", "b"), False),
        ({"a": 1}, {"b": 1}, True),
        ({"a": 1}, {"a": None}, False),
        (Interact("a"), Interact("b"), True),
        (Interact("a"), EndStream(), False),
    ],
)
def test_the_same_way_is_the_same_but_for_texts(new: Any, old: Any, same: bool) -> None:
    one, other = Step(Instant(0), None, (new,)), Step(Instant(0), None, (old,))
    assert same_way(one, other) is same_way(other, one) is same


def test_an_input_that_cannot_be_closed_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = recorded(
        giving([Call("simulations.create", SimulationRequest(script_url="https://a.example/s"))])
    )
    assert "a.example" not in exported(trace)
    monkeypatch.setattr(Texts, "text", lambda self, text, name="", *, secret=False: "x")
    with pytest.raises(RedactionError, match="SimulationRequest cannot be made of pseudonyms"):
        redacted(trace, fresh)
