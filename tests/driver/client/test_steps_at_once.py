"""Inputs that are stepped in the turn of whoever puts them: nobody can tell them from the others."""

import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from enum import Enum

import anyio
import pytest

from odyssey_anyio.aio.machine_loop import Clock, Inbox, run_machine
from odyssey_proto.kernel.machine import Deadline, Instant, after, millis
from odyssey_proto.seam.inputs import Wake

pytestmark = pytest.mark.anyio

WHO: ContextVar[str] = ContextVar("who", default="nobody")


class Reason(Enum):
    DUE = "due"


class Alarm:
    """A machine that repeats its inputs; a number is for how many milliseconds it wants to sleep."""

    def __init__(self) -> None:
        self.deadline: Deadline | None = None
        self.woken: list[Instant] = []

    def step(self, now: Instant, inp: str | int | Wake, /) -> Sequence[str]:
        match inp:
            case Wake():
                self.deadline = None
                self.woken.append(now)
                return ["woken"]
            case int():
                self.deadline = Deadline(after(now, millis(inp)), Reason.DUE)
                return []
            case _:
                return [f"{inp} once", f"{inp} twice"]


async def settled() -> None:
    """Lets every task go on until it waits."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()


@contextlib.asynccontextmanager
async def running(
    machine: Alarm, inbox: Inbox[str | int], carry_out: Callable[[str], None], who: str = "the machine"
) -> AsyncIterator[None]:
    """Runs a machine in a task of its own, which has come to rest when the block begins."""

    async def run() -> None:
        WHO.set(who)
        await run_machine(machine, inbox, carry_out, Clock())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await settled()
        yield
        inbox.close()


async def test_a_loop_at_rest_steps_at_once_and_in_order() -> None:
    inbox, done = Inbox[str | int](), list[str]()
    inbox.put_now("before it runs")
    assert len(inbox) == 1
    async with running(Alarm(), inbox, done.append):
        done.clear()
        inbox.put("a")
        inbox.put_now("b")
        assert done == ["a once", "a twice", "b once", "b twice"]
        await settled()
        inbox.put_now("c")
        assert done[4:] == ["c once", "c twice"]
    inbox.put_now("too late")
    assert (len(done), len(inbox)) == (6, 0)


async def test_what_a_step_puts_waits_for_its_turn() -> None:
    inbox, done = Inbox[str | int](), list[str]()

    def carry_out(output: str) -> None:
        done.append(output)
        if output == "a once":
            inbox.put_now("b")

    async with running(Alarm(), inbox, carry_out):
        inbox.put_now("a")
        assert done == ["a once", "a twice"]
        await settled()
        assert done[2:] == ["b once", "b twice"]


async def test_a_step_is_made_in_the_context_of_the_machine() -> None:
    inbox, seen = Inbox[str | int](), list[str]()

    async def work() -> None:
        seen.append(WHO.get())

    async with anyio.create_task_group() as group:

        def carry_out(output: str) -> None:
            seen.append(WHO.get())
            group.start_soon(work)
            WHO.set("a step")

        WHO.set("the caller")
        async with running(Alarm(), inbox, carry_out):
            inbox.put_now("a")
            assert (seen, WHO.get()) == (["the machine", "a step"], "the caller")
            await settled()
    assert sorted(seen[2:]) == ["a step", "the machine"]


@pytest.mark.parametrize("error", [LookupError("broken"), SystemExit("broken")])
async def test_what_a_step_raises_ends_the_machine_and_not_its_caller(error: BaseException) -> None:
    inbox, done, ended = Inbox[str | int](), list[str](), list[BaseException]()

    def carry_out(output: str) -> None:
        done.append(output)
        raise error

    async def run() -> None:
        try:
            await run_machine(Alarm(), inbox, carry_out, Clock())
        except BaseException as raised:  # noqa: BLE001  what comes out is what is tested
            ended.append(raised)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await settled()
        inbox.put_now("a")
        inbox.put_now("b")
        assert (done, ended) == (["a once"], [])
        await settled()
    assert (done, ended) == (["a once"], [error])


async def test_a_deadline_that_has_come_nearer_is_waited_for() -> None:
    machine, inbox, woken = Alarm(), Inbox[str | int](), anyio.Event()
    async with running(machine, inbox, lambda output: woken.set()):
        inbox.put_now(60_000)
        await settled()
        inbox.put_now(10)
        due = machine.deadline
        assert due is not None
        with anyio.fail_after(10):
            await woken.wait()
        assert machine.woken[0] >= due.at


async def test_a_deadline_that_has_moved_away_wakes_nobody() -> None:
    machine, inbox, woken = Alarm(), Inbox[str | int](), anyio.Event()
    inbox.put(200)
    async with running(machine, inbox, lambda output: woken.set()):
        inbox.put_now(300)
        due = machine.deadline
        assert due is not None
        with anyio.fail_after(10):
            await woken.wait()
        assert len(machine.woken) == 1
        assert machine.woken[0] >= due.at


async def test_a_loop_that_was_cancelled_steps_nothing() -> None:
    inbox, done = Inbox[str | int](), list[str]()
    async with anyio.create_task_group() as group:
        group.start_soon(run_machine, Alarm(), inbox, done.append, Clock())
        await settled()
        group.cancel_scope.cancel()
    inbox.put_now("a")
    assert (done, len(inbox)) == ([], 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_does_not_strike_within_a_step(backend: str) -> None:
    inbox, done = Inbox[str | int](), list[str]()

    def carry_out(output: str) -> None:
        if output == "a once":
            signal.raise_signal(signal.SIGINT)
        done.append(output)

    async def main() -> None:
        async with running(Alarm(), inbox, carry_out):
            inbox.put_now("a")
            done.append("returned")
            await anyio.lowlevel.checkpoint()
            done.append("went on")

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        anyio.run(main, backend=backend)
    assert done == ["a once", "a twice", "returned"]
