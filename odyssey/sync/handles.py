"""Handles on one recording and on one simulation; docs/mirror.py generates it from the async API."""

import os
from collections.abc import Callable
from pathlib import Path

from odyssey.sync.mirror import Mirror, Reader, in_thread
from odyssey_anyio.api.recordings import DOWNLOAD_TIMEOUT, RECORDING_POLL_INTERVAL, RECORDING_TIMEOUT
from odyssey_anyio.api.recordings import StreamRecording as AsyncStreamRecording
from odyssey_anyio.api.simulation_job import POLL_INTERVAL, WAIT_TIMEOUT, ProgressCallback
from odyssey_anyio.api.simulation_job import SimulationJob as AsyncSimulationJob
from odyssey_anyio.api.simulation_job import SimulationProgress as AsyncSimulationProgress
from odyssey_proto.model.recordings import DownloadProgress, EventLog, Recording, RecordingFile
from odyssey_proto.model.simulations import SimulationJobDetail, SimulationJobInfo


class StreamRecording(Mirror[AsyncStreamRecording]):
    """The recording of one stream, by its id."""

    @property
    def stream_id(self) -> str:
        """The service's name for the stream."""
        return self._original.stream_id

    def get(self) -> Recording:
        """Returns where its files are now; raises what `Odyssey.get_recording` raises."""
        return self._portal.call(self._original.get)

    def wait(
        self, timeout: float | None = RECORDING_TIMEOUT, *, every: float = RECORDING_POLL_INTERVAL
    ) -> Recording:
        """
        Waits until the recording is ready: its video is there; returns it then.

        A stream that still runs has none yet, and one that has just ended may be unknown for a while:
        that it is not found is final after a minute only.

        `timeout` and `every` are in seconds; without a timeout it waits for as long as it takes.
        Raises `OdysseyTimeoutError` (code `timeout.recording`), and what `get` raises, if that fails again
        and again.
        The wire: docs/protocol.md#recordings.

        Example:
            ```python
            recording = client.recording(stream.stream_id).wait(timeout=120)
            print(recording.duration_seconds)
            ```
        """
        return self._portal.call(self._original.wait, timeout, every=every)

    def download(
        self,
        path: str | os.PathLike[str],
        file: RecordingFile | str = RecordingFile.VIDEO,
        *,
        timeout: float = DOWNLOAD_TIMEOUT,
        on_progress: Callable[[DownloadProgress], object] | None = None,
    ) -> Path:
        """
        Loads one of its files to `path`, and returns that; what is there already is replaced.

        In a folder it is named after the stream, by a name that is safe there.
        `file` says which: the video unless something else is asked for.

        The whole file appears at once; until then its bytes stand beside it (`NAME.part`), and a
        later download goes on from there if the server says that it is still the same file.
        `timeout` is in seconds, and also ends an `on_progress` that still runs then.
        `on_progress` may be a coroutine function, and what it raises ends the download; while it runs
        the download goes on.
        The server of the files never sees the access token.
        Raises `OdysseyError`; if the file cannot be written, `OdysseyFileError`, which is an `OSError` too.

        Example:
            ```python
            path = client.recording(stream_id).download("cat.mp4")
            ```
        """
        return self._portal.call(
            self._original.download, path, file, timeout=timeout, on_progress=in_thread(on_progress)
        )

    def read(self, file: RecordingFile | str, *, timeout: float = DOWNLOAD_TIMEOUT) -> bytes:
        """
        Returns one of the small files, `file`: the thumbnail or the events; `timeout` is in seconds.

        Raises `OdysseyError`; `OdysseyValueError` for one that may be too large for memory.
        """
        return self._portal.call(self._original.read, file, timeout=timeout)

    def events(self, *, timeout: float = DOWNLOAD_TIMEOUT) -> EventLog:
        """
        Returns what happened in the stream; `odyssey_proto.trace.timeline` joins it with our own trace.

        `timeout` is in seconds.
        Raises `OdysseyError`.
        """
        return self._portal.call(self._original.events, timeout=timeout)


class SimulationProgress(Reader[AsyncSimulationProgress, SimulationJobDetail]):
    """
    A simulation on its way, as an iterator; see `SimulationJob.progress`.

    The wait is one command of the client, so the pace and the timeout hold across the steps, and a step
    that is interrupted loses nothing.
    """

    def close(self) -> None:
        """Stops waiting; the job goes on, and nothing is raised."""
        self._portal.finish(self._original.aclose)

    @property
    def completed(self) -> SimulationJobDetail:
        """The job, once the iteration has ended."""
        return self._original.completed


class SimulationJob(Mirror[AsyncSimulationJob]):
    """
    One simulation, wherever it was queued.

    Nothing is kept but its id, so it survives the process: `client.simulation(job_id)`.
    `job` waits for it as `job.wait()` does.
    """

    @property
    def job_id(self) -> str:
        """The service's name for the job."""
        return self._original.job_id

    def status(self) -> SimulationJobDetail:
        """Returns all that is known about it now; raises `OdysseyError`."""
        return self._portal.call(self._original.status)

    def wait(
        self,
        timeout: float | None = WAIT_TIMEOUT,
        *,
        every: float = POLL_INTERVAL,
        on_progress: ProgressCallback | None = None,
    ) -> SimulationJobDetail:
        """
        Waits until it has completed; returns it then.

        `timeout` and `every` are in seconds; without a timeout it waits as long as the job takes.
        The timeout also ends an `on_progress` that still runs; what that raises ends the waiting.
        Raises `SimulationFailedError`, `SimulationCancelledError` or `SimulationTimeoutError`, each
        with the `job`; and what looking at it raises, if that fails again and again.
        """
        return self._portal.call(
            self._original.wait, timeout, every=every, on_progress=in_thread(on_progress)
        )

    def progress(
        self, timeout: float | None = WAIT_TIMEOUT, *, every: float = POLL_INTERVAL
    ) -> SimulationProgress:
        """
        Returns the job each time that it has changed, as an iterator that ends as `wait` does.

        `timeout` and `every` are those of `wait`, in seconds.
        It begins with the first step, and goes on between the steps until it is over, closed
        (`close`) or dropped.

        Example:
            ```python
            for job in client.simulation(job_id).progress(every=2):
                print(job.status)
            ```
        """
        return SimulationProgress(
            self._portal, self._portal.do(self._original.progress, timeout, every=every)
        )

    def cancel(self) -> SimulationJobInfo:
        """
        Cancels it, if it has not begun; returns it as it is then.

        Raises `OdysseyRequestError` if it has begun or is not known, otherwise `OdysseyError`.
        """
        return self._portal.call(self._original.cancel)
