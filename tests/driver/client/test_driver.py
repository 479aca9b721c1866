"""The loop that owns a machine, with machines made for the purpose."""

from collections.abc import Callable, Sequence
from enum import Enum

import anyio
import pytest

from odyssey_anyio.aio.machine_loop import Clock, Inbox, run_machine
from odyssey_proto.kernel.machine import Deadline, Instant, after, millis
from odyssey_proto.seam.inputs import Wake

pytestmark = pytest.mark.anyio


class Reason(Enum):
    DUE = "due"


class Diary:
    """A machine that repeats its inputs, and outputs "due" once, at an instant."""

    def __init__(self, due: Instant | None = None) -> None:
        self._due = due
        self.received: list[tuple[Instant, object]] = []

    def step(self, now: Instant, inp: str | Wake, /) -> Sequence[str]:
        self.received.append((now, inp))
        if self._due is not None and now >= self._due:
            self._due = None
            return [f"{inp}", "due"] if isinstance(inp, str) else ["due"]
        return [f"{inp} once", f"{inp} twice"] if isinstance(inp, str) else []

    @property
    def deadline(self) -> Deadline | None:
        return None if self._due is None else Deadline(self._due, Reason.DUE)


async def test_inputs_are_stepped_and_outputs_carried_out_in_order() -> None:
    inbox = Inbox[str]()
    done: list[str] = []
    for each in ("a", "b"):
        inbox.put(each)
    inbox.close()
    inbox.put("too late")
    await run_machine(Diary(), inbox, done.append, Clock())
    assert done == ["a once", "a twice", "b once", "b twice"]


async def test_what_carrying_out_puts_is_stepped_later() -> None:
    inbox = Inbox[str]()
    done: list[str] = []

    def carry_out(output: str) -> None:
        done.append(output)
        if output == "a once":
            inbox.put("b")
        if output == "b twice":
            inbox.close()

    inbox.put("a")
    await run_machine(Diary(), inbox, carry_out, Clock())
    assert done == ["a once", "a twice", "b once", "b twice"]


async def test_a_deadline_wakes_never_early() -> None:
    clock = Clock()
    due = after(clock(), millis(30))
    diary = Diary(due)
    inbox = Inbox[str]()

    def carry_out(output: str) -> None:
        assert output == "due"
        inbox.close()

    await run_machine(diary, inbox, carry_out, clock)
    assert [type(inp) for _, inp in diary.received] == [Wake]
    assert diary.received[0][0] >= due


async def test_a_clock_behind_the_deadline_does_not_make_the_loop_busy() -> None:
    # A timer that fires early must still be seen as reached: `now` is at least the deadline.
    diary = Diary(Instant(5))
    inbox = Inbox[str]()
    await run_machine(diary, inbox, lambda output: inbox.close(), lambda: Instant(4))
    assert diary.received == [(Instant(5), Wake())]


async def test_an_input_at_the_deadline_is_handled_with_it() -> None:
    diary = Diary(Instant(0))
    inbox = Inbox[str]()
    inbox.put("a")
    inbox.close()
    done: list[str] = []
    await run_machine(diary, inbox, done.append, Clock())
    assert done == ["a", "due"]


async def test_a_cancelled_wait_loses_nothing() -> None:
    inbox = Inbox[str]()
    diary = Diary()
    for each in ("a", "b", "c"):
        with anyio.CancelScope() as scope:

            def carry_out(output: str, cancel: Callable[[], None] = scope.cancel) -> None:
                cancel()

            inbox.put(each)
            await run_machine(diary, inbox, carry_out, Clock())
        assert scope.cancelled_caught
    assert [inp for _, inp in diary.received] == ["a", "b", "c"]


async def test_what_goes_wrong_comes_out() -> None:
    inbox = Inbox[str]()
    inbox.put("a")

    def carry_out(output: str) -> None:
        raise LookupError(output)

    with pytest.raises(LookupError, match="a once"):
        await run_machine(Diary(), inbox, carry_out, Clock())


async def test_a_busy_inbox_starves_nobody() -> None:
    inbox = Inbox[str]()
    turns = 0

    async def other() -> None:
        nonlocal turns
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
            turns += 1
        inbox.close()

    inbox.put("again")
    async with anyio.create_task_group() as group:
        group.start_soon(other)
        await run_machine(Diary(), inbox, lambda output: inbox.put("again"), Clock())
    assert turns == 10


async def test_an_inbox_waits_as_long_as_it_is_asked_to() -> None:
    inbox = Inbox[str]()
    assert not await inbox.wait(0)
    assert not await inbox.wait(0.001)
    inbox.put("a")
    assert await inbox.wait(None)
    assert (len(inbox), repr(inbox)) == (1, "<Inbox 1 waiting>")
    assert inbox.take() == ["a"]
    inbox.close()
    assert await inbox.wait(None)
    assert (inbox.closed, repr(inbox)) == (True, "<Inbox 0 waiting, closed>")


def test_a_clock_counts_from_zero_and_knows_the_time_of_day() -> None:
    clock = Clock()
    first, second = clock(), clock()
    assert 0 <= first <= second < 10_000_000
    assert clock.wall > 1_600_000_000_000_000
