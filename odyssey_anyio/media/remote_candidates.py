"""
The other side's candidates: each is tried by itself, so that none waits for another.

A candidate may have a name in `.local` instead of an address (mDNS, RFC 6762), which aioice looks up for a
second at most, and only then is the call over.
Most such names mean nothing beyond their own network.
So every candidate is a task, and those with names are taken out of descriptions and tried in the same way,
because a description would wait for them.
"""

import asyncio
import re
from typing import Any

from odyssey_anyio.media.connection import PeerError
from odyssey_anyio.media.descriptions import add_candidate
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.inputs import PeerId, TransportErrorKind
from odyssey_proto.seam.outputs import AddCandidate

MAX_CANDIDATES = 256
"""How many candidates a peer takes."""

_NAMED = re.compile(r"a=candidate:((?:\S+ ){4}\S+\.local \d+ .*)", re.IGNORECASE)
_ANY = re.compile(r"a=candidate:(.*)", re.IGNORECASE)
_END = "a=end-of-candidates"


class RemoteCandidates:
    """Gives a connection the candidates that came and those that come; the next attempt gets them anew."""

    def __init__(self) -> None:
        self._orders: list[AddCandidate] = []
        self._pc: Any = None
        self._further = False
        self._tries: set[asyncio.Task[None]] = set()

    def take(self, order: AddCandidate) -> None:
        """Takes a candidate, or the end of them; raises `PeerError` if there are too many."""
        if len(self._orders) == MAX_CANDIDATES:
            raise PeerError(TransportErrorKind.TOO_LARGE)
        self._orders.append(order)
        if self._pc is not None:
            self._try(order)

    def renew(self) -> None:
        """A further description comes, and what is taken from now on waits for it."""
        self._pc = None
        self._further = True
        self._orders.clear()

    def begin(self, pc: Any) -> None:
        """A connection knows the other side's description and can take candidates."""
        self._cancel()
        self._pc = pc
        for order in self._orders:
            self._try(order)

    async def aclose(self) -> None:
        """Gives up what is still looked up; no connection may be closed before that."""
        self._pc = None
        self._cancel()
        if self._tries:
            await asyncio.wait(self._tries)

    def _try(self, order: AddCandidate) -> None:
        # Tasks begin in the order in which they are made, so the end comes after all before it.
        task = asyncio.get_running_loop().create_task(add_candidate(self._pc, order, further=self._further))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)

    def _cancel(self) -> None:
        for task in self._tries:
            task.cancel()


def without_names(peer: PeerId, sdp: str) -> tuple[str, list[AddCandidate]]:
    """
    Takes the candidates with names out of a description.

    Returns the rest, and them in order; the end of candidates comes with them where it was said of every
    section that has some.
    """
    return _without(_NAMED, peer, sdp)


def without_candidates(peer: PeerId, sdp: str) -> tuple[str, list[AddCandidate]]:
    """Takes all candidates out of a description: aiortc loses those of a transport that is in use already."""
    return _without(_ANY, peer, sdp)


def _without(pattern: re.Pattern[str], peer: PeerId, sdp: str) -> tuple[str, list[AddCandidate]]:
    kept: list[str] = []
    found_all: list[AddCandidate] = []
    head, *sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    ends: list[bool] = []
    for at, section in enumerate(sections):
        lines = section.splitlines(keepends=True)
        found = [match[1] for line in lines if (match := pattern.fullmatch(line.rstrip()))]
        mid = re.search(r"^a=mid:(\S+)", section, re.MULTILINE)
        found_all += [AddCandidate(peer, IceCandidate(text, mid and mid[1], at)) for text in found]
        if "a=candidate:" in section:
            ends.append(_END in section)
        kept += [line for line in lines if not (found and pattern.fullmatch(line.rstrip()))]
    if not found_all:
        return sdp, []
    if all(ends):
        found_all.append(AddCandidate(peer, None))
    text = "".join([head, *(line for line in kept if line.rstrip() != _END)])
    return text, found_all
