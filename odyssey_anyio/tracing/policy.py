"""What is kept of every session, and where: the application's wishes for its traces."""

import os
from pathlib import Path

from attrs import evolve, field, frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.validators import whole
from odyssey_proto.trace.policy import Images, Prompts, Redaction
from odyssey_proto.trace.recorder import MAX_BYTES


def _folder(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


@frozen(kw_only=True)
class TracePolicy(Value):
    """
    What is kept of every session, and where.

    Whatever is written is redacted: no secret, address or host name stays in a file.
    `ValueError` or `TypeError` for a value that is none of these.
    """

    directory: Path | None = field(default=None, converter=_folder)
    """A folder for one file of every session; `None`: that of ODYSSEY_TRACE_DIR, if it is set."""
    on_failure: Path | None = field(default=None, converter=_folder)
    """A folder for one file of every session in which something failed."""
    prompts: Prompts = field(default=Prompts.KEEP, converter=Prompts)
    """What a file keeps of prompts: `keep`, `hash` (length and digest) or `drop` (length)."""
    images: Images = field(default=Images.HASH, converter=Images)
    """The same of images; what is not kept is not held in memory either."""
    max_bytes: int = field(default=MAX_BYTES, validator=whole(0))
    """Roughly how many bytes of a session are kept in memory; steps after that are only counted."""

    @property
    def redaction(self) -> Redaction:
        """What stays in a file."""
        return Redaction(prompts=self.prompts, images=self.images)


def policy_of(given: TracePolicy | None) -> TracePolicy:
    """Returns a policy with the folder of ODYSSEY_TRACE_DIR, unless it names one itself."""
    policy = given or TracePolicy()
    if policy.directory is not None:
        return policy
    return evolve(policy, directory=os.environ.get("ODYSSEY_TRACE_DIR") or None)
