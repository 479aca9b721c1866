"""The transfer of a file by hand: its time, the fetch that runs, and what the server replies."""

from typing import Any

from odyssey_proto.client.jobs.transfer import LOCATE, MAX_FILE_BYTES, Transfer
from odyssey_proto.client.rest.call_requests import CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure, Phase
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, Recording, RecordingFile
from odyssey_proto.seam.commands import CommandId, Download
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchOpened,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CancelFetch, Completed, Failed, Fetch, Progressed, StoreBody
from odyssey_proto.seam.settings import Settings

URL = "https://files.example/v.mp4?sig=canary"
COMMAND = CommandId(7)
SETTINGS = Settings(api_url="https://api.example", api_key=Secret("ody_transfer"))


class Loading:
    """A transfer, its time, and the fetch that runs."""

    def __init__(self, stored: int = 0, version: FileVersion | None = None) -> None:
        what = Download("s-1", RecordingFile.VIDEO, seconds(600), stored, version)
        self.machine = Transfer(COMMAND, what, SETTINGS, IdSource(), Entropy(b"seed"))
        self.now = 0
        self.fetch = FetchId(0)
        (call,) = self.machine.begin(Instant(0))
        assert isinstance(call, StartCall)
        request = call.request
        assert (call.name, request.endpoint, request.params) == (LOCATE, GET_RECORDING, "s-1")
        assert (request.within, request.phase) == (seconds(SETTINGS.timeouts.call), Phase.CALL)

    def locates(self, url: str | Failure | None) -> list[Any]:
        """The recording comes, with this address, or does not."""
        result: Any = url if isinstance(url, Failure) else Recording("s-1", video_url=url)
        return list(self.machine.on_result(Instant(self.now), result))

    def asks(self, url: str = URL) -> dict[str, str]:
        """Locates the file; returns the header fields that it is asked for with."""
        return self._fetched(self.locates(url))

    def wakes(self, later: int = 0) -> list[Any]:
        """Lets time pass."""
        self.now += later
        return list(self.machine.wake(Instant(self.now)))

    def waits(self) -> dict[str, str]:
        """Waits for the next try; returns the header fields of it."""
        assert self.machine.deadline is not None
        assert self.machine.deadline.reason is ClientTimer.TRANSFER_RETRY
        return self._fetched(self.wakes(self.machine.deadline.at - self.now))

    # --- what the driver says, and what comes of it ---------------------------------------------

    def opens(self, head: HttpReply) -> list[Any]:
        return self._hears(FetchOpened(self.fetch, head))

    def comes(self, count: int) -> list[Any]:
        return self._hears(FetchedBytes(self.fetch, count))

    def ends(self) -> list[Any]:
        return self._hears(FetchEnded(self.fetch))

    def breaks(self, kind: TransportErrorKind = TransportErrorKind.CLOSED) -> list[Any]:
        return self._hears(FetchFailed(self.fetch, TransportError(kind)))

    # --- what must be done then -----------------------------------------------------------------

    def stores(self, restart: FileVersion | None) -> list[Any]:
        return [StoreBody(self.fetch, restart)]

    def cancelled(self, outputs: list[Any]) -> list[Any]:
        """Returns what is done besides breaking off the fetch."""
        first, *others = outputs
        assert first == CancelFetch(self.fetch)
        assert not self.machine.owns(self.fetch)
        return others

    def completes(self, outputs: list[Any], received: int = 100, total: int | None = 100) -> None:
        assert outputs == [Progressed(COMMAND, DownloadProgress(received, total)), Completed(COMMAND)]
        self._over()

    def fails(self, outputs: list[Any], *, running: bool = False) -> Failure:
        """Returns the failure with which it is over; `running` if there is a fetch to break off."""
        off, end = self.cancelled(outputs) if running else outputs
        assert off == CancelCall(LOCATE)
        assert isinstance(end, Failed)
        assert end.command == COMMAND
        assert end.failure.phase is Phase.TRANSFER
        self._over()
        return end.failure

    def _over(self) -> None:
        assert self.machine.deadline is None
        assert self.machine.done
        assert self.wakes() == []

    def _hears(self, inp: Any) -> list[Any]:
        return list(self.machine.on_fetch(Instant(self.now), inp))

    def _fetched(self, outputs: list[Any]) -> dict[str, str]:
        (fetch,) = outputs
        assert isinstance(fetch, Fetch)
        assert fetch.command == COMMAND
        assert fetch.fetch > self.fetch, "no name is used twice"
        self.fetch = fetch.fetch
        assert self.machine.owns(fetch.fetch)
        assert fetch.signed_url.reveal().startswith("https://files.example/")
        assert fetch.accepts == MAX_FILE_BYTES[RecordingFile.VIDEO]
        assert "canary" not in repr(fetch)
        return {name: str(value) for name, value in fetch.headers if name in ("range", "if-range")}


def head(status: int = 200, **headers: str) -> HttpReply:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpReply(status, pairs)


def whole() -> HttpReply:
    return head(content_length="100", etag='"v1"')


def rest(begin: int, total: str = "100") -> HttpReply:
    return head(206, content_range=f"bytes {begin}-99/{total}")
