"""What the workers of the dataset of clips share: its limit and its mint."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import anyio.lowlevel
import dask
import pytest
from distributed import Client, LocalCluster, Semaphore

from examples.dataset import mint
from examples.dataset.clip import AttemptError
from examples.dataset.limit import LIMIT_NAME, ClusterLimit
from odyssey import ConcurrentLimitReachedError, OdysseyAuthError, OdysseyConnectionError, OdysseyError

# --- the limit ------------------------------------------------------------------------------------


class FakeSemaphore:
    """A semaphore of Dask with one place, and its loop, which calls at once."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.asked = 0

    @property
    def loop(self) -> "FakeSemaphore":
        return self

    def add_callback(self, call: Callable[[], None]) -> None:
        call()

    def acquire(self, timeout: str) -> bool:
        assert timeout == "1s"
        self.asked += 1
        if not self.free:
            return False
        self.free -= 1
        return True

    def release(self) -> None:
        self.free += 1


def test_a_place_is_taken_and_given_back() -> None:
    async def main() -> None:
        async with ClusterLimit(semaphore):
            assert semaphore.free == 0
        assert semaphore.free == 1

    semaphore: Any = FakeSemaphore(1)
    anyio.run(main)


def test_a_place_is_waited_for_and_who_is_cancelled_has_none() -> None:
    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ClusterLimit(semaphore).acquire)
            while semaphore.asked < 3:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        semaphore.free = 1
        await anyio.lowlevel.checkpoint()
        assert semaphore.free == 1
        await ClusterLimit(semaphore).acquire()
        assert semaphore.free == 0

    semaphore: Any = FakeSemaphore(0)
    anyio.run(main)


@pytest.mark.long
def test_a_place_of_the_scheduler_comes_back_from_who_no_longer_renews_it() -> None:
    settings = {"lease-timeout": "2s", "lease-validation-interval": "100ms"}
    with (
        dask.config.set({f"distributed.scheduler.locks.{name}": value for name, value in settings.items()}),
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        killed, working, waiting = (ClusterLimit(Semaphore(2, LIMIT_NAME)) for _ in range(3))

        async def main() -> None:
            await killed.acquire()
            await working.acquire()
            with anyio.move_on_after(1) as waited:
                await waiting.acquire()
            assert waited.cancelled_caught
            killed._semaphore.refresh_leases = False
            await waiting.acquire()
            assert Semaphore(2, LIMIT_NAME).get_value() == 2
            waiting.release()
            await killed.acquire()

        anyio.run(main)


# --- the mint -------------------------------------------------------------------------------------


FORM = {"signaling_url": "wss://streamer.example/ws", "session_token": "secret"}


class Account:
    """What the mint needs of a client: one that fails with each of the errors, and then no more."""

    def __init__(self, errors: Sequence[OdysseyError]) -> None:
        self._errors = list(errors)

    async def create_client_credentials(self) -> "Account":
        if self._errors:
            raise self._errors.pop(0)
        return self

    def to_dict(self) -> dict[str, str]:
        return FORM


class Queues:
    """The queues of a scheduler, at which an account answers whoever asks."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.open: dict[str, list[Any]] = {}

    def __call__(self, name: str, client: object) -> "FakeQueue":
        return FakeQueue(self, name)


class FakeQueue:
    def __init__(self, queues: Queues, name: str) -> None:
        self._queues, self.name = queues, name
        queues.open.setdefault(name, [])

    def put(self, worker: str) -> None:
        anyio.run(mint._answer, Answers(self._queues.open[worker]), self._queues.account)

    def get(self, timeout: float) -> Any:
        return self._queues.open[self.name].pop()

    def close(self) -> None:
        del self._queues.open[self.name]


class Answers:
    def __init__(self, kept: list[Any]) -> None:
        self._kept = kept

    async def put(self, answer: Any) -> None:
        # Between processes it goes as JSON does.
        self._kept.append(json.loads(json.dumps(answer)))


def asked(monkeypatch: pytest.MonkeyPatch, *errors: OdysseyError) -> object:
    queues = Queues(Account(errors))
    monkeypatch.setattr(mint, "Queue", queues)
    monkeypatch.setattr(mint, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(mint.ClientCredentials, "from_dict", lambda form: form)
    one = mint.Mint.new()
    try:
        return one.ask(None)
    finally:
        assert list(queues.open) == [one.name]


FULL = ConcurrentLimitReachedError("2 at once")


def test_the_mint_gives_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch) == FORM


@pytest.mark.parametrize("error", [OdysseyConnectionError("no way"), OdysseyAuthError("no key")])
def test_the_mint_says_why_there_are_none(monkeypatch: pytest.MonkeyPatch, error: OdysseyError) -> None:
    with pytest.raises(AttemptError, match=str(error)) as raised:
        asked(monkeypatch, error)
    assert raised.value.retryable is error.retryable
    assert raised.value.to_dict() == error.to_dict()


def test_a_full_account_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, FULL, FULL) == FORM
    monkeypatch.setattr(mint, "FULL_SECONDS", -1)
    with pytest.raises(AttemptError, match="2 at once"):
        asked(monkeypatch, FULL)
