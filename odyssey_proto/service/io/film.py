"""What a video shows, live or as a film: the same scenes always give the same pictures."""

from attrs import evolve, field, frozen

from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages.events_file import encode
from odyssey_proto.model.recordings import RecordedKind

RATE = 24
"""Frames a second, of films as of live streams."""

SIZES = {True: (704, 1280), False: (1280, 704)}
"""Width and height of a frame, by whether it is portrait."""

VIDEO, PREVIEW, THUMBNAIL, EVENTS = "video.mp4", "preview.mp4", "thumbnail.jpg", "events.jsonl"

KINDS = {
    VIDEO: "video/mp4",
    PREVIEW: "video/mp4",
    THUMBNAIL: "image/jpeg",
    EVENTS: "application/x-ndjson",
}
"""The files of a film and their media types (docs/protocol.md#recordings)."""

MAX_PROMPTS = 64
"""The most prompts of a scene; of more, the first and the newest stay."""


@frozen
class Scene:
    """What a peer's video shows: the same scene always gives the same picture."""

    stream_id: str
    prompts: tuple[str, ...] = field(repr=sized)
    """The prompt of the start, then those of every update, oldest first."""
    portrait: bool = True
    image: str | None = field(default=None, repr=sized)
    """The background, as a data URL."""

    def steered(self, prompt: str) -> "Scene":
        """Returns the scene after one more prompt."""
        first, others = self.prompts[:1], self.prompts[1:]
        return evolve(self, prompts=(*first, *(*others, prompt)[-(MAX_PROMPTS - 1) :]))


@frozen
class Shot:
    """From `at` on, counted from the beginning of the film, this is shown."""

    at: Span
    scene: Scene


@frozen
class Film:
    """One stream from its beginning to its end."""

    stream_id: str
    shots: tuple[Shot, ...] = field(repr=False)
    length: Span

    @property
    def without_images(self) -> "Film":
        """The same film without the images that it was drawn from, which nobody asks for once it is."""
        shots = (evolve(shot, scene=evolve(shot.scene, image=None)) for shot in self.shots)
        return evolve(self, shots=tuple(shots))

    @property
    def portrait(self) -> bool:
        """Whether it is higher than wide."""
        return self.shots[0].scene.portrait

    @property
    def frame_count(self) -> int:
        """How many frames it has: one at least."""
        return max(1, round(self.length * RATE / 1_000_000))

    @property
    def duration(self) -> float:
        """How long it lasts, in seconds."""
        return self.frame_count / RATE

    def scene_at(self, frame: int) -> int:
        """Returns the number of the shot that a frame belongs to."""
        moment = frame * 1_000_000 / RATE
        return max(number for number, shot in enumerate(self.shots) if shot.at <= moment or number == 0)

    @property
    def events(self) -> bytes:
        """What happened, in JSON Lines: entries of a script (docs/protocol.md#simulation-scripts)."""
        lines = [
            encode(shot.at, RecordedKind.INTERACT if number else RecordedKind.START, prompt)
            for number, shot in enumerate(self.shots)
            for prompt in shot.scene.prompts[-1:]
        ]
        lines.append(encode(self.length, RecordedKind.END))
        return "".join(f"{line}\n" for line in lines).encode()
