"""What an export of a trace keeps, and a trace in memory of images."""

from enum import Enum, unique

from attrs import field, frozen

from odyssey_proto.kernel.introspection import Value


@unique
class Prompts(Enum):
    """What is kept of a prompt."""

    KEEP = "keep"
    """The words of a language in it, and numbers; no addresses, names of hosts or keys."""
    HASH = "hash"
    """Its length, and a digest by which equal prompts can be recognized."""
    DROP = "drop"
    """Its length."""


@unique
class Images(Enum):
    """What is kept of an image."""

    KEEP = "keep"
    """The whole image."""
    HASH = "hash"
    """Its length, and a digest by which equal images are known."""
    DROP = "drop"
    """Its length."""


@frozen(kw_only=True)
class Redaction(Value):
    """What an export keeps; secrets, addresses and host names never stay."""

    prompts: Prompts = field(default=Prompts.KEEP, converter=Prompts)
    """`keep`, `hash` or `drop`."""
    images: Images = field(default=Images.HASH, converter=Images)
    """The same."""
