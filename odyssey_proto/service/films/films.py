"""Everything about films in one place: jobs that make them, streams that become them, their files."""

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.recordings import Recording
from odyssey_proto.model.simulations import SimulationStream
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.service.films.archive import Archive, recording_of
from odyssey_proto.service.films.jobs import Jobs
from odyssey_proto.service.films.store import Files, Store
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Faults
from odyssey_proto.service.io.film import Film
from odyssey_proto.service.io.seam import Rendered, RenderFailed, ScriptFetched, ServiceOutput


class Films:
    """Simulations and recordings."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, faults: Faults, wall: int) -> None:
        self.store: Store = Store(config, entropy.draw(32), wall)
        self.archive: Archive = Archive(self.store, wall)
        self.jobs: Jobs = Jobs(config, entropy, self.store, faults, wall)

    def __repr__(self) -> str:
        return f"<Films {self.jobs!r}, {self.archive!r}, {self.store!r}>"

    def on_film(self, now: Instant, inp: Rendered | RenderFailed | ScriptFetched) -> list[ServiceOutput]:
        """Takes what became of an order."""
        if isinstance(inp, ScriptFetched):
            return self.jobs.fetched(now, inp)
        return [*self.store.drawn(inp), *self.jobs.rendered(now, inp)]

    def sees(self, now: Instant, key: Secret, outputs: list[ServiceOutput]) -> list[ServiceOutput]:
        """Takes note of what the streamer of an account does; returns what is to be done because of it."""
        return [one for output in outputs for one in self.archive.sees(now, key, output)]

    def recording(self, now: Instant, key: Secret, stream_id: str, request: HttpRequest) -> Recording:
        """Returns the recording of a stream, interactive or simulated; raises `Refused` if there is none."""
        files = self.store.files(now, stream_id, request)
        simulated = self.jobs.film(key, stream_id)
        if simulated is not None and self.store.film(stream_id) is not None:
            return recording_of(simulated, files)
        return self.archive.recording(key, stream_id, files)

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Carries out whatever is due."""
        return self.jobs.wake(now)

    @property
    def deadline(self) -> Deadline | None:
        """When a job goes on."""
        return self.jobs.deadline


def stream_of(number: int, film: Film, files: Files) -> SimulationStream:
    """Returns what one script of a job made."""
    recording = recording_of(film, files)
    return SimulationStream(
        recording.stream_id,
        recording.video_url,
        recording.events_url,
        recording.thumbnail_url,
        recording.preview_url,
        recording.frame_count,
        recording.duration_seconds,
        number,
    )
