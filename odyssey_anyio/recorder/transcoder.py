"""Received pictures in another coding, where a file cannot have them as they are."""

from fractions import Fraction
from typing import Any

from odyssey_anyio.media.decoders import CLOCK, Decoder
from odyssey_anyio.recorder.timed_picture import TimedPicture

USUAL_RATE = Fraction(24)
"""What an encoder plans its bits for, in pictures a second; each picture keeps its own time."""

_ENCODERS: dict[str, tuple[str, int, dict[str, str]]] = {
    "h264": ("libx264", 0, {"preset": "superfast", "tune": "zerolatency", "crf": "21"}),
    "vp8": (
        "libvpx",
        6_000_000,
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "0"},
    ),
}
"""For each coding its encoder, the bits a second that it may use (0: by quality), and its options."""


def encoded_size(codec: str, width: int, height: int) -> tuple[int, int]:
    """Returns the size in which a picture is encoded: even in H264, for libx264 takes no other."""
    return (width + width % 2, height + height % 2) if codec == "h264" else (width, height)


class Transcoder:
    """
    Decodes, and encodes anew; a picture of another size begins a new sequence in the same coding.

    It blocks: it is for a thread of its own.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._decoder = Decoder()
        self._encoder: Any = None
        self.needs_keyframe: bool = False
        """Whether a picture could not be decoded, so that nothing is until a keyframe."""

    def __repr__(self) -> str:
        return f"<Transcoder to {self._codec}>"

    def put(self, picture: TimedPicture) -> list[TimedPicture]:
        """
        Takes a picture, and returns what is to be written by now.

        One that cannot be decoded is left out, and so are those that build on it.
        """
        if self.needs_keyframe and not picture.keyframe:
            return []
        written: list[TimedPicture] = []
        for decoded in self._decode(picture):
            size = encoded_size(self._codec, decoded.width, decoded.height)
            encoder = self._encoder
            if encoder is None or (encoder.width, encoder.height) != size:
                written += self.flush()
                self._encoder = encoder = self._made(*size)
            # The encoder decides itself which pictures are keyframes.
            decoded.pict_type = 0
            written += self._pictures(encoder.encode(decoded))
        return written

    def flush(self) -> list[TimedPicture]:
        """Returns what is left to be written of the pictures until now."""
        encoder, self._encoder = self._encoder, None
        return [] if encoder is None else self._pictures(encoder.encode(None))

    def _decode(self, picture: TimedPicture) -> list[Any]:
        import av
        import av.error  # Not before av is whole: another thread may load it just then.

        try:
            decoded = self._decoder.decode(picture.codec, picture.data, picture.ticks)
        except av.error.FFmpegError:
            self.needs_keyframe = True
            return []
        self.needs_keyframe = False
        return decoded

    def _made(self, width: int, height: int) -> Any:
        import av

        name, bits, options = _ENCODERS[self._codec]
        encoder: Any = av.CodecContext.create(name, "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base, encoder.framerate = CLOCK, USUAL_RATE
        if bits:
            encoder.bit_rate = bits
        encoder.options = options
        # A recorder disturbs the program around it as little as it can.
        encoder.thread_count = 1
        # One that was never opened must not be flushed: that ends the process.
        encoder.open()
        return encoder

    def _pictures(self, packets: Any) -> list[TimedPicture]:
        return [TimedPicture(self._codec, bytes(each), each.pts, each.is_keyframe) for each in packets]
