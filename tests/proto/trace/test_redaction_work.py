"""The work of a redaction grows with the trace and no faster."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from core.traced_sessions import giving, recorded

from odyssey_proto.seam.commands import Connect, EndStream, Interact, StartStream
from odyssey_proto.trace import Trace
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Prompts, Redaction
from odyssey_proto.trace.redaction import leaks
from odyssey_proto.trace.redaction.redactor import redacted
from odyssey_proto.trace.redaction.texts import Texts


@pytest.mark.parametrize("prompts", Prompts)
def test_the_work_grows_with_the_trace_and_no_faster(
    prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = 0

    def counted(kind: Any, name: str) -> None:
        original = getattr(kind, name)

        def count(self: Any, text: str, *args: Any, **how: Any) -> Any:
            nonlocal work
            work += len(text)
            return original(self, text, *args, **how)

        monkeypatch.setattr(kind, name, count)

    counted(Texts, "text")
    counted(Texts, "words")
    counted(leaks._Search, "_holds")
    spent = []
    for prompt_count in (20, 40, 80):
        said = [
            Interact(f"Pet the cat {number} times with {number * 7919} feathers")
            for number in range(prompt_count)
        ]
        trace = recorded(giving([Connect(), StartStream("A cat"), *said, EndStream()]))
        work = 0
        redacted(trace, fresh, Redaction(prompts=prompts))
        spent.append(work)
    first, second = spent[1] - spent[0], spent[2] - spent[1]
    assert first > 0
    assert second <= 2.2 * first


def steered(times: int) -> Trace:
    """A session with so many prompts, no two of which are the same."""
    prompts = (f"Pet the cat number {number}, {number * 7919} times and again" for number in range(times))
    return recorded(giving([Connect(), StartStream("A cat"), *map(Interact, prompts), EndStream()]))


def calls_of(work: Callable[[], object]) -> int:
    """Returns how many functions are called by something, which is the same each time."""
    count = 0

    def called(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("prompts", Prompts)
def test_a_session_of_twice_as_many_prompts_takes_twice_the_work(prompts: Prompts) -> None:
    traces = steered(20), steered(40), steered(80)
    how = Redaction(prompts=prompts)
    redacted(traces[0], fresh, how)
    few, more, most = (calls_of(partial(redacted, trace, fresh, how)) for trace in traces)
    assert most - more < 2.2 * (more - few)
