"""A mailbox between two threads: bounded, in order, and nothing in it is lost by what is beside it."""

import threading
from collections.abc import Callable

import pytest

from odyssey_trio_compat import Mailbox


class Loop:
    """A loop that runs what it is rung for when the test says so."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def ring(self, call: Callable[[], None]) -> bool:
        self.calls.append(call)
        return True

    def turn(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_one_ring_for_any_number_of_items_in_order(loop: Loop) -> None:
    seen: list[int] = []
    box = Mailbox(loop.ring, seen.append, 10)
    assert all(box.put(number) for number in range(5))
    assert len(loop.calls) == 1
    loop.turn()
    assert seen == [0, 1, 2, 3, 4]
    assert box.put(5)
    loop.turn()
    assert seen[-1] == 5
    assert loop.calls == []


def test_what_has_no_room_is_refused_until_there_is_some(loop: Loop) -> None:
    seen: list[str] = []
    box = Mailbox(loop.ring, seen.append, 10, len)
    assert box.put("12345")
    assert box.put("12345")
    assert not box.put("x")
    assert repr(box) == "<Mailbox 2 items, 10 of 10>"
    loop.turn()
    assert box.put("x" * 10)
    assert not box.put("y")
    loop.turn()
    assert seen == ["12345", "12345", "x" * 10]


def test_there_is_always_room_for_what_must_arrive(loop: Loop) -> None:
    seen: list[str] = []
    box = Mailbox(loop.ring, seen.append, 1)
    assert box.put("ordinary")
    assert box.put("last", force=True)
    assert not box.put("ordinary")
    loop.turn()
    assert seen == ["ordinary", "last"]
    assert box.put("ordinary")


def test_an_item_that_cannot_be_delivered_keeps_no_other_back(loop: Loop) -> None:
    seen: list[int] = []

    def deliver(number: int) -> None:
        if number in (1, 3):
            raise LookupError(number)
        seen.append(number)

    box = Mailbox(loop.ring, deliver, 5)
    for number in range(5):
        box.put(number)
    for failing in (1, 3):
        with pytest.raises(LookupError, match=str(failing)):
            loop.turn()
        # What comes meanwhile stays behind what waits.
        box.put(10 * failing)
    loop.turn()
    assert seen == [0, 2, 4, 10, 30]
    assert loop.calls == []
    assert repr(box) == "<Mailbox 0 items, 0 of 5>"


def test_any_number_of_threads_may_put(loop: Loop) -> None:
    seen: list[tuple[int, int]] = []
    box = Mailbox(loop.ring, seen.append, 10_000)
    threads = [
        threading.Thread(target=lambda one=one: [box.put((one, number)) for number in range(200)])
        for one in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loop.turn()
    assert len(seen) == 800
    for one in range(4):
        assert [number for who, number in seen if who == one] == list(range(200))
