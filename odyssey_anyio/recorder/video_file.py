"""
A file of pictures, as they were received wherever its format allows that.

| ending | VP8 received | H264 received |
|---|---|---|
| `.mp4` | encoded anew as H264 | as it is |
| `.webm` | as it is | encoded anew as VP8 |
| `.mkv` | as it is | as it is |

A Matroska file keeps the coding of its first picture; one in another, after a new session, is encoded anew.

**Size changes** stay in the one file: a keyframe of VP8 says its size itself, and one of H264 brings its
parameter sets along, in an MP4 too.
So what was received is kept, and who plays it follows the size, as the decoder does.

**A process that is killed** leaves a file that plays: an MP4 is written in fragments and a Matroska file in
clusters, each of at most `FRAGMENT_SECONDS`, and each is handed to the operating system when it is whole.
When an MP4 is finished, it gets the index of an ordinary one (`hybrid_fragmented`), so it can be sought in.
"""

from pathlib import Path
from typing import Any

from attrs import frozen

from odyssey_anyio.media.decoders import CLOCK, Decoder
from odyssey_anyio.recorder.timed_picture import TimedPicture
from odyssey_anyio.recorder.transcoder import Transcoder

FRAGMENT_SECONDS = 1
"""How much a process that is killed loses at most."""

MIN_STEP_TICKS = 90
"""Pictures are so far apart at least, in ticks of `CLOCK`: Matroska counts milliseconds."""


@frozen
class FileFormat:
    """What libavformat calls a format, the one coding that it is given, if that is fixed, and its options."""

    name: str
    codec: str | None
    options: dict[str, str]


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
    Writes pictures; the first must be a keyframe, and the file is begun with it.

    Its methods block, and raise what PyAV does: they are for a thread of its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._format = FORMATS[path.suffix.lower()]
        self._codec = ""
        self._container: Any = None
        self._stream: Any = None
        self._transcoder: Transcoder | None = None
        self._first = self._last = 0
        self.frames: int = 0
        """How many pictures were written."""

    def __repr__(self) -> str:
        return f"<VideoFile {self._path} {self.frames} frames>"

    @property
    def seconds(self) -> float:
        """The time from the first picture to the last."""
        return float(self._last * CLOCK)

    def write(self, picture: TimedPicture) -> None:
        """Writes a picture."""
        codec = picture.codec.lower()
        if self._container is None:
            self._begin(codec, picture.data)
        if codec == self._codec:
            self._finish_transcoding()
            self._mux([picture])
            return
        if self._transcoder is None:
            self._transcoder = Transcoder(self._codec)
        self._mux(self._transcoder.put(picture))

    def close(self) -> None:
        """Finishes the file."""
        if self._container is not None:
            try:
                self._finish_transcoding()
            finally:
                self._container.close()

    def _begin(self, codec: str, data: bytes) -> None:
        import av

        decoder = Decoder()
        decoder.decode(codec, data, 0)
        width, height = decoder.size
        self._codec = self._format.codec or codec
        # As a URL, so that a colon in the name is no protocol.
        self._container = av.open(
            f"file:{self._path}", "w", format=self._format.name, container_options=self._format.options
        )
        self._stream = self._container.add_mux_stream(
            self._codec, width=width, height=height, time_base=CLOCK
        )

    def _finish_transcoding(self) -> None:
        transcoder, self._transcoder = self._transcoder, None
        if transcoder is not None:
            self._mux(transcoder.flush())

    def _mux(self, pictures: list[TimedPicture]) -> None:
        import av

        for picture in pictures:
            if not self.frames:
                self._first = picture.ticks
            ticks = picture.ticks - self._first
            if self.frames:
                ticks = max(ticks, self._last + MIN_STEP_TICKS)
            packet: Any = av.Packet(picture.data)
            packet.stream, packet.is_keyframe = self._stream, picture.keyframe
            packet.pts = packet.dts = ticks
            packet.time_base = CLOCK
            self._container.mux_one(packet)
            self._last = ticks
            self.frames += 1
