"""
Loading one file of a recording: from where, from which byte on, what each reply means, when to stop.

The bytes themselves never come here.
The driver stores them, and reports how many there are; so a resumed request asks for exactly the
bytes that are missing, and a trace of a download stays small.
"""

from typing import Literal, assert_never

from attrs import evolve

from odyssey_proto.client.jobs.file_reply import (
    Encoded,
    Expired,
    Mismatch,
    NothingMissing,
    Refused,
    RestOfFile,
    Unavailable,
    WholeFile,
    read_head,
)
from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import (
    ABANDONED,
    Failure,
    FailureKind,
    LocalProtocolError,
    Phase,
    timed_out,
)
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.model.recordings import DownloadProgress, FileVersion, Recording, RecordingFile
from odyssey_proto.seam.commands import CommandId, Download
from odyssey_proto.seam.http import Headers, HttpReply
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchId,
    FetchInput,
    FetchOpened,
    TransportErrorKind,
)
from odyssey_proto.seam.outputs import CancelFetch, Completed, Failed, Fetch, Progressed, StoreBody
from odyssey_proto.seam.settings import Settings

SILENCE = seconds(30)
"""How long nothing may arrive."""

REPORT_INTERVAL = seconds(1)
"""How far apart the driver may report bytes that come all the time."""

PROGRESS_STEP = 1024 * 1024
"""How many bytes lie between two reports of progress to the caller."""

MAX_TRIES = 5
"""How many tries in a row may bring nothing new."""

RETRIES = Backoff(millis(500), seconds(10))

MAX_FILE_BYTES = {
    RecordingFile.VIDEO: 16 * 1024**3,
    RecordingFile.PREVIEW: 16 * 1024**3,
    RecordingFile.THUMBNAIL: 16 * 1024**2,
    RecordingFile.EVENTS: 16 * 1024**2,
}
"""
The largest file of each kind that is loaded.

A thumbnail and events are kept in memory; events of an hour with a prompt of 4 KiB each second have 14 MiB.
"""

LOCATE = "locate"
"""The name of the one call that it makes."""

type _Timer = Literal[ClientTimer.TRANSFER_TIMEOUT, ClientTimer.TRANSFER_SILENCE, ClientTimer.TRANSFER_RETRY]
type TransferOutput = CallOrder | Fetch | StoreBody | CancelFetch | Progressed | Completed | Failed


class Transfer:
    """
    Carries one `Download` to its end.

    What is stored already is kept if the server says that it is the same file (If-Range).
    A reply that breaks off is resumed, a few times; an expired address is asked for anew, once.
    `timeout` bounds all of it, whatever the server, the disk or the caller's callback are doing.
    """

    def __init__(
        self, command: CommandId, what: Download, settings: Settings, ids: IdSource, entropy: Entropy
    ) -> None:
        self.command = command
        self.done: bool = False
        self._what = what
        self._settings = settings
        self._ids = ids
        self._entropy = entropy
        self._timers: Timers[_Timer] = Timers()
        self._url: Secret | None = None
        self._fetch: FetchId | None = None
        self._silent = False
        self._resumed = False
        resumable = what.version is not None and what.version.etag is not None
        self._version: FileVersion | None = what.version if resumable else None
        self._stored = what.stored if resumable else 0
        self._reported = self._stored
        self._most_stored = 0
        self._failed_tries = 0
        self._failed: Failure | None = None
        """How the last try failed, unless more has come since."""
        self._located_again = False

    def __repr__(self) -> str:
        return f"<Transfer of {self._what.file}: {self._stored} of {self._total} bytes>"

    @property
    def deadline(self) -> Deadline | None:
        """The next try, or the end of patience."""
        return self._timers.deadline

    @property
    def _total(self) -> int | None:
        return self._version.total if self._version is not None else None

    @property
    def _max_bytes(self) -> int:
        return MAX_FILE_BYTES[self._what.file]

    def owns(self, fetch: FetchId) -> bool:
        """Tells whether a fetch is the one that runs for this download."""
        return fetch == self._fetch

    # --- what happens ---------------------------------------------------------------------------

    def begin(self, now: Instant) -> list[TransferOutput]:
        """Asks for the recording, which says where the file is."""
        self._timers.set(ClientTimer.TRANSFER_TIMEOUT, after(now, self._what.timeout))
        return [self._locate()]

    def on_result(self, now: Instant, result: Recording | Failure) -> list[TransferOutput]:
        """Takes the recording, or why there is none."""
        if isinstance(result, Failure):
            return self._end(result)
        url = self._what.file.url_in(result)
        if url is None:
            text = f"the recording has no {self._what.file}, or not yet"
            return self._fail(FailureKind.NOT_FOUND, text, "missing")
        try:
            parse_http(url)
        except LocalProtocolError as error:
            text = f"the {self._what.file} cannot be loaded: {error}"
            return self._fail(FailureKind.MALFORMED, text, "address")
        self._url = Secret(url)
        return self._try(now)

    def on_fetch(self, now: Instant, inp: FetchInput) -> list[TransferOutput]:
        """Takes what came of the fetch that runs."""
        if not self._silent:
            self._timers.set(ClientTimer.TRANSFER_SILENCE, after(now, Span(SILENCE + REPORT_INTERVAL)))
        match inp:
            case FetchOpened() if self._silent:
                # It crossed the order to break off: nothing is stored any more, and its end is to come.
                return []
            case FetchOpened(_, head):
                return self._on_head(now, head)
            case FetchedBytes(_, count):
                return self._on_bytes(count)
            case FetchEnded():
                return self._on_whole_body(now)
            case FetchFailed(_, error):
                self._fetch = None
                if self._silent:
                    return self._retry(now, self._timed_out("more"))
                if error.kind is TransportErrorKind.TOO_LARGE:
                    return self._too_large()
                return self._retry(now, broken(error, f"could not load the {self._what.file}"))
            case _:
                assert_never(inp)

    def wake(self, now: Instant) -> list[TransferOutput]:
        """Carries out whatever is due."""
        outputs: list[TransferOutput] = []
        while (due := self._timers.due(now)) is not None:
            match due:
                case ClientTimer.TRANSFER_TIMEOUT:
                    outputs += self._end(self._timed_out("end", self._failed))
                case ClientTimer.TRANSFER_SILENCE:
                    outputs += self._on_silence()
                case ClientTimer.TRANSFER_RETRY:
                    outputs += self._try(now)
                case _:
                    assert_never(due)
        return outputs

    def abandon(self, now: Instant, command: CommandId) -> list[TransferOutput] | None:
        """Ends the command if its caller is gone, and keeps what is stored; `None` for another command."""
        return self._end(ABANDONED) if command == self.command else None

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self.done

    # --- asking ---------------------------------------------------------------------------------

    def _locate(self) -> CallOrder:
        within = seconds(self._settings.timeouts.call)
        api_url = self._settings.api_url
        return StartCall(
            LOCATE, CallRequest(GET_RECORDING, self._what.stream_id, api_url, within, Phase.CALL)
        )

    def _try(self, now: Instant) -> list[TransferOutput]:
        assert self._url is not None, "it was located"
        # A coded body would count other bytes than those of the file.
        headers: Headers = (("accept", "*/*"), ("accept-encoding", "identity"))
        if self._stored and self._version is not None and self._version.etag is not None:
            headers = (*headers, ("range", f"bytes={self._stored}-"), ("if-range", self._version.etag))
        else:
            self._stored, self._version = 0, None
        self._fetch, self._silent = self._ids.fetch(), False
        self._timers.set(ClientTimer.TRANSFER_SILENCE, after(now, Span(SILENCE + REPORT_INTERVAL)))
        return [Fetch(self._fetch, self.command, self._url, headers, self._max_bytes)]

    # --- what came of it ------------------------------------------------------------------------

    def _on_head(self, now: Instant, head: HttpReply) -> list[TransferOutput]:
        file = self._what.file
        match read_head(head, self._stored, self._total):
            case WholeFile(version):
                if (version.total or 0) > self._max_bytes:
                    return self._too_large()
                self._stored, self._reported = 0, 0
                self._version, self._resumed = version, False
                return self._store(version)
            case RestOfFile(total):
                if self._version is not None and self._version.total is None:
                    self._version = evolve(self._version, total=total)
                self._resumed = True
                return self._store(None)
            case NothingMissing():
                return [*self._cancel_fetch(), *self._complete()]
            case Encoded():
                return self._fail(FailureKind.MALFORMED, f"the {file} came encoded", "malformed")
            case Mismatch(problem):
                return [*self._cancel_fetch(), *self._restart(now, f"the {file} {problem}")]
            case Expired() if not self._located_again:
                self._located_again = True
                return [*self._cancel_fetch(), self._locate()]
            case Unavailable(retry_after):
                text = f"could not load the {file}: its server failed (HTTP {head.status})"
                failure = _failure(FailureKind.SERVER_BROKE, text, "unavailable", head.status)
                return [*self._cancel_fetch(), *self._retry(now, failure, retry_after)]
            case Expired() | Refused():
                text = f"could not load the {file}: its server refused (HTTP {head.status})"
                return self._end(_failure(FailureKind.BAD_REQUEST, text, "refused", head.status))
            case never:
                assert_never(never)

    def _store(self, restart: FileVersion | None) -> list[TransferOutput]:
        assert self._fetch is not None, "its head has just come"
        return [StoreBody(self._fetch, restart)]

    def _on_bytes(self, count: int) -> list[TransferOutput]:
        self._stored += count
        if self._stored > self._most_stored:
            self._most_stored, self._failed_tries, self._failed = self._stored, 0, None
            self._located_again = False
        if self._stored - self._reported < PROGRESS_STEP:
            return []
        return [self._progress()]

    def _progress(self) -> Progressed:
        self._reported = self._stored
        return Progressed(self.command, DownloadProgress(self._stored, self._total))

    def _on_whole_body(self, now: Instant) -> list[TransferOutput]:
        self._fetch = None
        if self._total is not None and self._stored != self._total:
            if self._resumed and self._stored < self._total:
                # A server may send less than it was asked for (RFC 9110 section 15.3.7).
                text = f"the {self._what.file} has {self._stored} bytes of {self._total} so far"
                return self._retry(now, _failure(FailureKind.SERVER_BROKE, text, "malformed"))
            return self._restart(
                now, f"the {self._what.file} has {self._stored} bytes instead of {self._total}"
            )
        return self._complete()

    def _on_silence(self) -> list[TransferOutput]:
        """Breaks off, and waits for the count of what came until then: the next try needs it."""
        assert self._fetch is not None, "only then it is armed"
        self._silent = True
        return [CancelFetch(self._fetch)]

    def _restart(self, now: Instant, text: str) -> list[TransferOutput]:
        """Tries again from the first byte on."""
        self._stored = 0
        return self._retry(now, _failure(FailureKind.SERVER_BROKE, text, "malformed"))

    def _retry(self, now: Instant, failure: Failure, pause: Span | None = None) -> list[TransferOutput]:
        self._timers.stop(ClientTimer.TRANSFER_SILENCE)
        self._failed_tries += 1
        self._failed = failure
        if not failure.retryable or self._failed_tries >= MAX_TRIES:
            return self._end(failure)
        # At least a millisecond, so that a retry is a wake-up of its own and never a busy loop.
        delay = max(millis(1), RETRIES.jittered(self._failed_tries, self._entropy), pause or 0)
        self._timers.set(ClientTimer.TRANSFER_RETRY, after(now, Span(delay)))
        return []

    def _timed_out(self, missing: str, before: Failure | None = None) -> Failure:
        file = self._what.file
        return timed_out(Phase.TRANSFER, (f"{missing} of the {file}",), f"load the {file}", before)

    # --- its end --------------------------------------------------------------------------------

    def _cancel_fetch(self) -> list[TransferOutput]:
        fetch, self._fetch = self._fetch, None
        self._timers.stop(ClientTimer.TRANSFER_SILENCE)
        return [] if fetch is None or self._silent else [CancelFetch(fetch)]

    def _too_large(self) -> list[TransferOutput]:
        text = f"the {self._what.file} is over {self._max_bytes} bytes"
        return self._fail(FailureKind.MALFORMED, text, "too_large")

    def _fail(self, kind: FailureKind, text: str, code: str) -> list[TransferOutput]:
        return self._end(_failure(kind, text, code))

    def _complete(self) -> list[TransferOutput]:
        self.done = True
        self._timers.clear()
        return [self._progress(), Completed(self.command)]

    def _end(self, failure: Failure) -> list[TransferOutput]:
        self.done = True
        outputs = [*self._cancel_fetch(), CancelCall(LOCATE)]
        self._timers.clear()
        return [*outputs, Failed(self.command, failure.during(Phase.TRANSFER))]


def _failure(kind: FailureKind, text: str, code: str, status: int | None = None) -> Failure:
    return Failure(kind, text, code=f"download.{code}", phase=Phase.TRANSFER, status=status)
