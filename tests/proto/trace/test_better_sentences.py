"""A better sentence breaks no trace; all else of a failure is compared."""

from typing import Any

import pytest
from attrs import evolve, fields, has
from core.traced_sessions import again, giving, recorded, scenarios

from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.seam.commands import Interact
from odyssey_proto.seam.outputs import Failed
from odyssey_proto.trace import ReplayError, check, fresh, lines, read


def reworded(value: Any) -> Any:
    """Returns a value with another sentence in the place of every one that is for people."""
    if isinstance(value, tuple):
        return tuple(map(reworded, value))
    if not has(type(value)):
        return value
    changed: dict[str, Any] = {}
    for each in fields(type(value)):
        sentence = each.metadata.get("wording")
        if each.init:
            changed[each.alias] = "a better one" if sentence else reworded(getattr(value, each.name))
    return evolve(value, **changed)


@pytest.mark.parametrize("name", scenarios())
def test_a_better_sentence_breaks_no_trace(name: str) -> None:
    trace = scenarios()[name]()
    steps = tuple(
        evolve(step, outputs=reworded(step.outputs), refused=reworded(step.refused)) for step in trace.steps
    )
    check(again(evolve(trace, steps=steps)), fresh)
    assert read(lines(evolve(trace, steps=steps))).steps == steps


def test_better_sentences_are_on_record_and_not_compared() -> None:
    trace = scenarios()["refused-key"]()
    texts = {
        output.failure.text for step in trace.steps for output in step.outputs if isinstance(output, Failed)
    }
    assert texts
    assert "a better one" not in texts
    refused = recorded(giving([Interact("hello")]))
    assert reworded(refused.steps[0].refused) != refused.steps[0].refused


@pytest.mark.parametrize(
    "change",
    [
        {"code": "another"},
        {"kind": FailureKind.TIMED_OUT},
        {"phase": Phase.LEAVE},
        {"status": 418},
        {"missing": ("a track",)},
        {"cause": Failure(FailureKind.STATE, "why")},
    ],
)
def test_everything_of_a_failure_but_its_sentence_is_compared(change: dict[str, Any]) -> None:
    trace = scenarios()["refused-key"]()
    at, failed = next(
        (index, output)
        for index, step in enumerate(trace.steps)
        for output in step.outputs
        if isinstance(output, Failed)
    )
    step = trace.steps[at]
    other = evolve(failed, failure=evolve(failed.failure, **change))
    outputs = tuple(other if output is failed else output for output in step.outputs)
    odd = evolve(trace, steps=(*trace.steps[:at], evolve(step, outputs=outputs), *trace.steps[at + 1 :]))
    with pytest.raises(ReplayError, match=f"step {at} went another way"):
        check(odd, fresh)


def test_a_refusal_is_compared_by_its_code() -> None:
    trace = recorded(giving([Interact("hello")]))
    step = trace.steps[0]
    assert step.refused is not None
    odd = evolve(trace, steps=(evolve(step, refused=evolve(step.refused, code="x")), *trace.steps[1:]))
    with pytest.raises(ReplayError, match="step 0 went another way"):
        check(odd, fresh)
