"""What may be wrong with an image."""

from enum import StrEnum, unique


@unique
class Flaw(StrEnum):
    """Why an image cannot be used, as the stable code of the error."""

    TYPE = "image.type"
    """It is nothing that an image can be given as."""
    UNREADABLE = "image.unreadable"
    """The file is not there or cannot be read."""
    NOT_BASE64 = "image.not_base64"
    """The data URL has no base64 part, or a broken one."""
    EMPTY = "image.empty"
    """There is nothing in it."""
    TOO_LARGE = "image.too_large"
    """It has more bytes than the service takes."""
    UNKNOWN_KIND = "image.unknown_kind"
    """It is none of the documented kinds."""
    TOO_MANY_PIXELS = "image.too_many_pixels"
    """It would fill too much memory when decoded."""
    CORRUPT = "image.corrupt"
    """It is cut off or broken."""
    UNDECODABLE = "image.undecodable"
    """It is of a documented kind, but in a form that cannot be decoded here."""


class ImageError(ValueError):
    """An image cannot be used: `flaw` says why for programs, the text for people."""

    def __init__(self, flaw: Flaw, text: str) -> None:
        super().__init__(text)
        self.flaw = flaw
