"""
A file of pictures, and of sound if it is wanted, as they were received wherever its format allows that.

| ending | VP8 received | H264 received |
|---|---|---|
| `.mp4` | encoded anew as H264 | as it is |
| `.webm` | as it is | encoded anew as VP8 |
| `.mkv` | as it is | as it is |

A Matroska file keeps the coding of its first picture; one in another, after a new session, is encoded anew.

**Size changes** stay in the one file: a keyframe of VP8 says its size itself, and one of H264 brings its
parameter sets along, in an MP4 too.
So what was received is kept, and who plays it follows the size, as the decoder does.

**Sound** is Opus in each of them, and its track is there before the first sound: a header says once what a
file holds.
A sound is written with the first picture that is not before it, so both are in the order of time, whatever
way each has come, and libavformat need not wait for a track that is behind, or silent.

**A process that is killed** leaves a file that plays: an MP4 is written in fragments and a Matroska file in
clusters, each of at most `FRAGMENT_SECONDS`, and each is handed to the operating system when it is whole.
When an MP4 is finished, it gets the index of an ordinary one (`hybrid_fragmented`), so it can be sought in.
"""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from odyssey_anyio.media.decoders import CLOCK, Decoder
from odyssey_anyio.recorder.timed_picture import TimedPicture, TimedSound
from odyssey_anyio.recorder.transcoder import Transcoder, encoded_size

FRAGMENT_SECONDS = 1
"""How much a process that is killed loses at most."""

MAX_WAITING_SOUNDS = 3000
"""How much sound may wait for a picture, in packets: a minute as it is mostly sent; then the oldest goes."""

MIN_STEP_TICKS = 90
"""Pictures, and sounds, are so far apart at least, in ticks of `CLOCK`: Matroska counts milliseconds."""


@frozen
class FileFormat:
    """What libavformat calls a format, the one coding that it is given, if that is fixed, and its options."""

    name: str
    codec: str | None
    options: dict[str, str]


_INTERLEAVED = {"max_interleave_delta": "1"}
"""In microseconds; 0 would have no bound."""
_CLUSTERS = {"cluster_time_limit": f"{FRAGMENT_SECONDS * 1000}", "flush_packets": "1"}

FORMATS: dict[str, FileFormat] = {
    ".mp4": FileFormat(
        "mp4",
        "h264",
        {
            "movflags": "frag_keyframe+empty_moov+default_base_moof+hybrid_fragmented",
            "frag_duration": f"{FRAGMENT_SECONDS * 1_000_000}",
            "flush_packets": "1",
        },
    ),
    ".webm": FileFormat("webm", "vp8", _CLUSTERS),
    ".mkv": FileFormat("matroska", None, _CLUSTERS),
}
"""By the ending of the file's name, in small letters."""


class VideoFile:
    """
    Writes pictures, and with `sound` Opus; the first keyframe that can be decoded begins the file.

    Its methods block, and raise what PyAV does: they are for a thread of its own.
    """

    def __init__(self, path: Path, sound: bool = False) -> None:
        self._path = path
        self._format = FORMATS[path.suffix.lower()]
        self._codec = ""
        self._container: Any = None
        self._stream: Any = None
        self._transcoder: Transcoder | None = None
        self._first = self._last = 0
        self._has_sound = sound
        self._sound: Any = None
        self._sounds: deque[TimedSound] = deque(maxlen=MAX_WAITING_SOUNDS)
        self._last_sound = -MIN_STEP_TICKS
        self.frames: int = 0
        """How many pictures were written."""
        self.needs_keyframe: bool = False
        """Whether a picture could not be decoded, so that nothing is written until a keyframe."""

    def __repr__(self) -> str:
        return f"<VideoFile {self._path} {self.frames} frames>"

    @property
    def seconds(self) -> float:
        """The time from the first picture to the last."""
        return float(self._last * CLOCK)

    def create(self) -> None:
        """Has an empty file, so that one that cannot be written is an error at once."""
        self._path.open("wb").close()
        # It is opened again when the first picture comes, whatever the working directory is by then.
        self._path = self._path.absolute()

    def write(self, picture: TimedPicture) -> None:
        """Writes a picture."""
        codec = picture.codec.lower()
        if self._container is None and not self._begin(codec, picture):
            self.needs_keyframe = True
            return
        pictures = [picture]
        if codec == self._codec:
            self._finish_transcoding()
        else:
            if self._transcoder is None:
                self._transcoder = Transcoder(self._codec)
            pictures = self._transcoder.put(picture)
        self.needs_keyframe = self._transcoder is not None and self._transcoder.needs_keyframe
        self._mux(pictures)

    def write_sound(self, sound: TimedSound) -> None:
        """Writes a sound, by and by; one that is before what was written is left out."""
        if self._sound is not None:
            self._sounds.append(sound)

    def close(self) -> None:
        """Finishes the file; leaves none behind in which there is nothing, if it may be removed."""
        try:
            if self._container is not None:
                self._finish()
        finally:
            with suppress(OSError):
                if self._path.is_file() and self._path.stat().st_size == 0:
                    self._path.unlink()

    def _finish(self) -> None:
        try:
            self._finish_transcoding()
            self._mux_sounds(None)
        finally:
            self._container.close()

    def _begin(self, codec: str, picture: TimedPicture) -> bool:
        """Begins the file if this picture can; its decoder knows its size as it is shown."""
        import av
        import av.error  # Not before av is whole: another thread may load it just then.

        decoder = Decoder()
        try:
            if not picture.keyframe or not decoder.decode(codec, picture.data, 0):
                return False
        except av.error.FFmpegError:
            return False
        width, height = decoder.size
        self._codec = self._format.codec or codec
        if codec != self._codec:
            width, height = encoded_size(self._codec, width, height)
        # As a URL, so that a colon in the name is no protocol.
        self._container = av.open(
            f"file:{self._path}",
            "w",
            format=self._format.name,
            container_options={**self._format.options, **_INTERLEAVED},
        )
        self._stream = self._container.add_mux_stream(
            self._codec, width=width, height=height, time_base=CLOCK
        )
        if self._has_sound:
            # Its encoder has nothing to do but to write the header of Opus (RFC 7845 section 5.1).
            self._sound = self._container.add_stream("libopus", rate=48_000, layout="stereo")
        return True

    def _finish_transcoding(self) -> None:
        transcoder, self._transcoder = self._transcoder, None
        if transcoder is not None:
            self._mux(transcoder.flush())

    def _mux(self, pictures: list[TimedPicture]) -> None:
        for picture in pictures:
            if not self.frames:
                self._first = picture.ticks
            ticks = picture.ticks - self._first
            if self.frames:
                ticks = max(ticks, self._last + MIN_STEP_TICKS)
            self._mux_sounds(ticks)
            self._mux_one(self._stream, picture.data, ticks, keyframe=picture.keyframe)
            self._last = ticks
            self.frames += 1

    def _mux_sounds(self, until: int | None) -> None:
        """Writes the sounds that are played by then; without a time, all."""
        while self._sounds and (until is None or self._sounds[0].ticks - self._first <= until):
            sound = self._sounds.popleft()
            ticks = sound.ticks - self._first
            # When the sender has said how sound and pictures lie to each other, sound may move back.
            if ticks >= max(0, self._last_sound + MIN_STEP_TICKS):
                self._mux_one(self._sound, sound.data, ticks, keyframe=True)
                self._last_sound = ticks

    def _mux_one(self, stream: Any, data: bytes, ticks: int, *, keyframe: bool) -> None:
        import av

        packet: Any = av.Packet(data)
        packet.stream, packet.is_keyframe = stream, keyframe
        packet.pts = packet.dts = ticks
        packet.time_base = CLOCK
        self._container.mux_one(packet)
