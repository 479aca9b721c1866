"""What the first bytes of an encoded picture say: whether it stands by itself, and how large it is."""

from collections.abc import Iterator

from attrs import frozen

MAX_SPS_BYTES = 256
"""How much of a sequence parameter set is read; its size stands before that."""

_START_CODE = b"\x00\x00\x01"
_VP8_SYNC = b"\x9d\x01\x2a"
_H264_IDR, _H264_SPS = 5, 7

_WITH_CHROMA = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""The profiles of H264 whose parameter sets speak of chroma and scaling (H.264 section 7.3.2.1.1)."""


@frozen
class EncodedPicture:
    """What is known of a picture before it is decoded."""

    keyframe: bool
    """Whether it can be decoded without those before it."""
    width: int = 0
    """Where it announces a size, that in pixels; otherwise it has the size of the one before."""
    height: int = 0

    @property
    def pixels(self) -> int:
        """How many pixels it announces."""
        return self.width * self.height


def read_picture(codec: str, data: bytes) -> EncodedPicture:
    """
    Reads the head of a picture in VP8 or H264.

    Raises `ValueError` for one that is malformed, or in another coding.
    """
    match codec.upper():
        case "VP8":
            return _vp8(data)
        case "H264":
            return _h264(data)
        case _:
            raise ValueError(f"no pictures in {codec} are known")


def begins_keyframe(data: bytes) -> bool:
    """Tells whether a keyframe in VP8 or H264 begins with these data, the first that were sent of it."""
    if len(data) >= 10 and not data[0] & 1 and data[3:6] == _VP8_SYNC:
        return True
    if not data.startswith((_START_CODE, b"\x00" + _START_CODE)):
        return False
    return any(unit[0] & 0x1F in (_H264_IDR, _H264_SPS) for unit in _units(data))


def _vp8(data: bytes) -> EncodedPicture:
    """Reads the frame tag (RFC 6386 section 9.1)."""
    if len(data) < 3:
        raise ValueError("a VP8 picture without its tag")
    if data[0] & 1:
        return EncodedPicture(keyframe=False)
    if data[3:6] != _VP8_SYNC or len(data) < 10:
        raise ValueError("a VP8 keyframe without its start code or its size")
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return EncodedPicture(True, width, height)


def _h264(data: bytes) -> EncodedPicture:
    """Reads the units of a picture in the form of H.264 annex B; the largest size counts."""
    kinds: set[int] = set()
    sizes = [(0, 0)]
    for unit in _units(data):
        kind = unit[0] & 0x1F
        kinds.add(kind)
        if kind == _H264_SPS:
            sizes.append(_sps_size(unit[1 : 1 + MAX_SPS_BYTES]))
    if not kinds:
        raise ValueError("an H264 picture without units")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return EncodedPicture(_H264_IDR in kinds, width, height)


def _units(data: bytes) -> Iterator[bytes]:
    """Cuts at the start codes, as a decoder does, wherever they stand; only the head of each matters."""
    at = data.find(_START_CODE)
    while at >= 0:
        start = at + len(_START_CODE)
        at = data.find(_START_CODE, start)
        unit = data[start : min(start + 1 + 2 * MAX_SPS_BYTES, at if at >= 0 else len(data))]
        if unit:
            yield unit


class _Bits:
    """Reads a unit bit by bit (H.264 section 9.1)."""

    def __init__(self, unit: bytes) -> None:
        # What keeps start codes out of a unit is no part of it (section 7.4.1.1).
        plain = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._left = len(plain) * 8
        self._value = int.from_bytes(plain)

    def take(self, count: int) -> int:
        """Returns the next bits as a number."""
        if count > self._left:
            raise ValueError("an H264 parameter set that is too short")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def number(self) -> int:
        """Returns the next number without sign in Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("an H264 parameter set with a number that is too large")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """Returns the next number with sign in Exp-Golomb code."""
        number = self.number()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def _sps_size(unit: bytes) -> tuple[int, int]:
    """Returns the size that is decoded, before anything is cut off (H.264 section 7.3.2.1.1)."""
    bits = _Bits(unit)
    profile = bits.take(8)
    bits.take(16)
    bits.number()
    if profile in _WITH_CHROMA:
        _skip_chroma(bits)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.number()):
            bits.signed()
    bits.number()
    bits.take(1)
    width, height = bits.number() + 1, bits.number() + 1
    return 16 * width, 16 * height * (2 - bits.take(1))


def _skip_chroma(bits: _Bits) -> None:
    chroma = bits.number()
    if chroma == 3:
        bits.take(1)
    bits.number()
    bits.number()
    bits.take(1)
    if not bits.take(1):
        return
    for at in range(12 if chroma == 3 else 8):
        if bits.take(1):
            _skip_scaling(bits, 16 if at < 6 else 64)


def _skip_scaling(bits: _Bits, size: int) -> None:
    """Skips a scaling list (H.264 section 7.3.2.1.1.1)."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
