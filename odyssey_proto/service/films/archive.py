"""
The recordings of interactive streams: what each showed, and when.

The wire: docs/protocol.md#recordings, #list-of-recordings.
"""

from attrs import define

from odyssey_proto.kernel.machine import Instant, Span
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import DEFAULT_PAGE, Page
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.seam.outputs import DropPeer
from odyssey_proto.service.films.iso_time import iso
from odyssey_proto.service.films.store import MAX_FILMS, Files, Store
from odyssey_proto.service.io.film import SIZES, Film, Scene, Shot
from odyssey_proto.service.io.seam import ServiceOutput, Show
from odyssey_proto.service.rest.replies import refused


@define
class _Recorded:
    key: Secret
    began: Instant
    shots: list[Shot]
    ended: Instant | None = None

    @property
    def length(self) -> Span | None:
        return None if self.ended is None else Span(self.ended - self.began)


class Archive:
    """Sees what is shown, and remembers it."""

    def __init__(self, store: Store, wall: int) -> None:
        self._store = store
        self._wall = wall
        self._streams: dict[str, _Recorded] = {}
        self._showing: dict[PeerId, str] = {}

    def __repr__(self) -> str:
        return f"<Archive of {len(self._streams)} streams>"

    def sees(self, now: Instant, key: Secret, output: ServiceOutput) -> list[ServiceOutput]:
        """Takes note of what the streamer of an account does."""
        match output:
            case Show(peer, Scene() as scene) if self._showing.get(peer) == scene.stream_id:
                stream = self._streams.get(scene.stream_id)
                if stream is not None:
                    stream.shots.append(Shot(Span(now - stream.began), scene))
            case Show(peer, Scene() as scene):
                return [*self._end(now, peer), *self._begin(now, key, peer, scene)]
            case Show(peer) | DropPeer(peer):
                return self._end(now, peer)
        return []

    def recording(self, key: Secret, stream_id: str, files: Files | None) -> Recording:
        """Returns a recording; a stream that still runs has no files. Raises `Refused` if there is none."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.key != key:
            raise refused(404, "Recording not found")
        film = self._store.film(stream_id)
        if film is None or files is None:
            return Recording(stream_id)
        return recording_of(film, files)

    def listed(self, key: Secret, page: Page) -> StreamRecordingsList:
        """Returns a page of an account's recordings, the most recent first."""
        own = [(name, stream) for name, stream in reversed(self._streams.items()) if stream.key == key]
        limit = DEFAULT_PAGE if page.limit is None else page.limit
        offset = page.offset or 0
        part = own[offset : offset + limit]
        infos = [self._info(name, stream) for name, stream in part]
        return StreamRecordingsList(infos, len(own), limit, offset)

    def _begin(self, now: Instant, key: Secret, peer: PeerId, scene: Scene) -> list[ServiceOutput]:
        while len(self._streams) >= MAX_FILMS:
            del self._streams[next(iter(self._streams))]
        self._showing[peer] = scene.stream_id
        self._streams[scene.stream_id] = _Recorded(key, now, [Shot(Span(0), scene)])
        return []

    def _end(self, now: Instant, peer: PeerId) -> list[ServiceOutput]:
        name = self._showing.pop(peer, None)
        stream = None if name is None else self._streams.get(name)
        if name is None or stream is None:
            return []
        stream.ended = now
        return self._store.keep(Film(name, tuple(stream.shots), Span(now - stream.began)))

    def _info(self, name: str, stream: _Recorded) -> StreamRecordingInfo:
        width, height = SIZES[stream.shots[0].scene.portrait]
        length = stream.length
        return StreamRecordingInfo(
            name,
            width,
            height,
            iso(self._wall, stream.began),
            None if stream.ended is None else iso(self._wall, stream.ended),
            None if length is None else length / 1_000_000,
        )


def recording_of(film: Film, files: Files) -> Recording:
    """Returns the recording that a film and its files are."""
    return Recording(
        film.stream_id,
        video_url=files.video_url,
        events_url=files.events_url,
        thumbnail_url=files.thumbnail_url,
        preview_url=files.preview_url,
        frame_count=film.frame_count,
        duration_seconds=film.duration,
    )
