"""Inputs that are stepped in the turn of whoever puts them: nobody can tell them from the others."""

import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from enum import Enum

import anyio
import pytest

from odyssey_anyio.aio.machine_loop import Clock, Inbox, run_machine
from odyssey_anyio.events.dispatcher import Callbacks, DeliveryQueue
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.core import Core
from odyssey_anyio.runtime.pending_calls import CLOSED, PendingCalls
from odyssey_anyio.tracing.policy import TracePolicy
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import Deadline, Instant, after, millis
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import Page
from odyssey_proto.seam.commands import Call, Command
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.seam.outputs import ClientInput, Failed
from odyssey_proto.seam.settings import Settings

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
    machine, inbox, woken, waits = Alarm(), Inbox[str | int](), anyio.Event(), list[float | None]()

    async def wait_in_vain(patience: float | None) -> bool:
        """Returns as if the time were over, when the test has moved the deadline and again then."""
        waits.append(patience)
        await (anyio.sleep_forever() if len(waits) > 3 else settled())
        return len(waits) == 1

    async def run() -> None:
        await run_machine(machine, inbox, lambda output: woken.set(), Clock())

    inbox.put(60_000)
    inbox.wait = wait_in_vain  # type: ignore[method-assign]  # no timer fires before it is let
    async with anyio.create_task_group() as group:
        group.start_soon(run)
        while len(waits) < 2:
            await anyio.lowlevel.checkpoint()
        inbox.put_now(120_000)
        due = machine.deadline
        assert due is not None
        assert len(waits) == 2
        with anyio.fail_after(10):
            await woken.wait()
        assert machine.woken == [due.at]
        assert len(waits) >= 3
        group.cancel_scope.cancel()


async def test_a_loop_that_was_cancelled_steps_nothing() -> None:
    inbox, done = Inbox[str | int](), list[str]()
    async with anyio.create_task_group() as group:
        group.start_soon(run_machine, Alarm(), inbox, done.append, Clock())
        await settled()
        group.cancel_scope.cancel()
    inbox.put_now("a")
    assert (done, len(inbox)) == ([], 1)


async def test_a_call_that_is_alone_is_stepped_at_once_and_many_together() -> None:
    settings = Settings(api_url="http://x", api_key=Secret("ody_test"), seed=bytes(16), wall=0)
    tracer = Tracer(settings, TracePolicy(), lambda buffer: pytest.fail("no trace is asked for"))
    core = Core(Client(settings), Clock(), tracer)
    calls = PendingCalls(core, DeliveryQueue(Callbacks()), ConnectHandlers(), lambda handlers: None)
    stepped = list[ClientInput]()
    calls.inbox.step_now = stepped.append
    what = Call("recordings", Page())
    first = calls.put(what, now=True)
    assert (stepped, len(calls.inbox)) == ([Command(first.command, what)], 0)
    second = calls.put(what, now=True)
    calls.deliver(Wake())
    assert (len(stepped), calls.inbox.take()) == (1, [Command(second.command, what), Wake()])
    calls.finish(Failed(second.command, CLOSED))
    calls.deliver(Wake())
    assert (stepped[1:], len(calls.inbox)) == ([Wake()], 0)


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
