"""
The items of HEIC, HEIF and AVIF files: pictures, and what pictures are put together of.

The box `meta` says what kind each item is, what properties it has, which others it is made of or
belongs to, and where its bytes are (ISO/IEC 14496-12 section 8.11, ISO/IEC 23008-12 section 9).
"""

import struct
from collections.abc import Iterator, Mapping

from attrs import frozen

from odyssey_anyio.images.boxes import Box, Fields, boxes, broken, first
from odyssey_anyio.images.flaw import Flaw, ImageError

type Extent = tuple[int, int]
"""Begin and length, in bytes; a length of 0 goes to the end."""

type Associated = tuple[Box, bool]
"""A property, and whether an item cannot be understood without it."""

type Reference = tuple[bytes, int, tuple[int, ...]]
"""The kind of a reference, the item it begins at, and those it goes to."""

_UNDERSTOOD = frozenset(
    {b"ispe", b"pixi", b"colr", b"pasp", b"auxC", b"hvcC", b"av1C", b"avcC", b"clap", b"irot", b"imir"}
)
"""Properties that may be essential: with any other, an item is not what it looks like."""


@frozen
class Place:
    """Where the bytes of an item are."""

    method: int
    """0: in the file; 1: in the box `idat`; 2: in another item."""
    elsewhere: bool
    """Whether they are in another file."""
    extents: tuple[Extent, ...]


@frozen
class Item:
    """A picture, coded or derived from others; `kind` is the code of its four characters."""

    number: int
    kind: bytes
    properties: tuple[Box, ...]
    """In the order in which they are applied."""
    unknown: bytes | None = None
    """The name of a property that is not known here, and without which it cannot be understood."""

    def property(self, name: bytes) -> bytes | None:
        """Returns the content of its first property of a name."""
        return next((body for each, body in self.properties if each == name), None)


@frozen
class Items:
    """All items of a file; what is asked of one that is not there raises `ImageError`."""

    primary: int
    """The number of the one to be shown."""
    file: bytes
    idat: bytes
    kinds: Mapping[int, bytes]
    properties: Mapping[int, tuple[Associated, ...]]
    places: Mapping[int, Place]
    references: tuple[Reference, ...]

    def item(self, number: int) -> Item:
        """Returns an item."""
        if number not in self.kinds:
            raise broken(f"the item {number} is missing")
        found = self.properties.get(number, ())
        unknown = (name for (name, _), essential in found if essential and name not in _UNDERSTOOD)
        return Item(number, self.kinds[number], tuple(each for each, _ in found), next(unknown, None))

    def targets(self, kind: bytes, source: Item) -> tuple[int, ...]:
        """Returns the items that an item refers to, in order."""
        found = (to for each, begin, to in self.references if (each, begin) == (kind, source.number))
        return next(found, ())

    def sources(self, kind: bytes, target: Item) -> Iterator[int]:
        """Returns the items that refer to an item."""
        return (begin for each, begin, to in self.references if each == kind and target.number in to)

    def data(self, item: Item) -> bytes:
        """Returns the bytes of an item; raises `ImageError` if there is no use in them."""
        if item.unknown is not None:
            raise undecodable(f"it depends on the property {named(item.unknown)}")
        place = self.places.get(item.number)
        if place is None:
            raise broken(f"the place of the item {item.number} is missing")
        if place.elsewhere or place.method > 1:
            raise undecodable("its data are in another file or item")
        source = self.idat if place.method else self.file
        pieces, size = [], 0
        for begin, length in place.extents:
            end = begin + length if length else len(source)
            size += end - begin
            # The same bytes may be named again and again, and would fill the memory.
            if end > len(source) or size > len(source):
                raise broken(f"the data of the item {item.number} are missing")
            pieces.append(source[begin:end])
        return b"".join(pieces)


def read(file: bytes) -> Items:
    """Returns the items of a file; raises `ImageError` if it is broken."""
    meta = first(_needed(first(file), b"meta")[4:])
    primary = Fields(_needed(meta, b"pitm"))
    return Items(
        primary=primary.number(4 if _version(primary) else 2),
        file=file,
        idat=meta.get(b"idat", b""),
        kinds=dict(_kinds(_needed(meta, b"iinf"))),
        properties=dict(_properties(_needed(meta, b"iprp"))),
        places=dict(_places(_needed(meta, b"iloc"))),
        references=tuple(_references(meta.get(b"iref", bytes(4)))),
    )


def undecodable(why: str) -> ImageError:
    """Returns the error of a picture that is whole, but of a form that is not known here."""
    text = f"the HEIF or AVIF image cannot be decoded here: {why}: save it as a JPEG"
    return ImageError(Flaw.UNDECODABLE, text)


def named(code: bytes) -> str:
    """Returns a code of four characters for a reader."""
    return ascii(code.decode("latin-1"))


def _needed(known: Mapping[bytes, bytes], name: bytes) -> bytes:
    if name not in known:
        raise broken(f"the box {named(name)} is missing")
    return known[name]


def _version(fields: Fields) -> int:
    """Returns the version at the beginning of a full box, and goes on after its flags."""
    return fields.number(4) >> 24


def _kinds(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    fields = Fields(iinf)
    fields.number(4 if _version(fields) else 2)
    for name, body in boxes(fields.rest()):
        entry = Fields(body)
        version = _version(entry)
        # Older versions are of files that hold no pictures.
        if name == b"infe" and version >= 2:
            number, _ = entry.number(2 if version == 2 else 4), entry.number(2)
            yield number, entry.take(4)


def _properties(iprp: bytes) -> Iterator[tuple[int, tuple[Associated, ...]]]:
    known = list(boxes(_needed(first(iprp), b"ipco")))
    for ipma in (body for name, body in boxes(iprp) if name == b"ipma"):
        fields = Fields(ipma)
        head = fields.number(4)
        long, step = head >> 24 > 0, 2 if head & 1 else 1
        essential = 0x80 << 8 * (step - 1)
        for _ in range(fields.number(4)):
            number = fields.number(4 if long else 2)
            chosen = [fields.number(step) for _ in range(fields.number(1))]
            yield (
                number,
                tuple(
                    (known[(each & ~essential) - 1], bool(each & essential))
                    for each in chosen
                    if 0 < each & ~essential <= len(known)
                ),
            )


def _places(iloc: bytes) -> Iterator[tuple[int, Place]]:
    fields = Fields(iloc)
    version, sizes = _version(fields), fields.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(fields.number(4 if version == 2 else 2)):
        number = fields.number(4 if version == 2 else 2)
        method = fields.number(2) & 15 if version else 0
        elsewhere, start = fields.number(2) != 0, fields.number(base)
        extents = []
        for _ in range(fields.number(2)):
            fields.number(index if version else 0)
            extents.append((start + fields.number(offset), fields.number(length)))
        yield number, Place(method, elsewhere, tuple(extents))


def _references(iref: bytes) -> Iterator[Reference]:
    wide = 4 if iref[:1] != b"\0" else 2
    for kind, body in boxes(iref[4:]):
        fields = Fields(body)
        begin, count = fields.number(wide), fields.number(2)
        yield kind, begin, struct.unpack(f">{count}{'I' if wide == 4 else 'H'}", fields.take(count * wide))
