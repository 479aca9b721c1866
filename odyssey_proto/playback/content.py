"""
What a client said, fit to be compared with what it said then.

A trace has pseudonyms in the place of secrets, so those are not looked at; prompts are, also
where the trace has only their digests.
Left out is what differs each time: measured latencies, images down to the byte, descriptions of media.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from attrs import field, frozen

from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages.endpoint import revealed
from odyssey_proto.messages.whep import SDP
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.trace.blobs import MARK, Images
from odyssey_proto.trace.redaction.pseudonyms import Prompts, Pseudonyms
from odyssey_proto.trace.redaction.secret_kinds import BY_NAME, SecretKind
from odyssey_proto.trace.redaction.visit import LONG_VALUE, in_text

_IMAGE = re.compile(rf'{MARK}[^"\\]*')

_MEASURED = "region_latencies"
"""The member of a request that holds what was measured."""


def _without_images(text: str) -> str:
    return _IMAGE.sub(f"{MARK}<image>", text)


@frozen
class Content:
    """A text, or the query and body of a request; without its images."""

    text: str = field(default="", repr=sized, converter=_without_images)
    query: tuple[tuple[str, str], ...] = ()

    def like(self, recorded: "Content") -> bool:
        """Returns whether this is what was recorded, as far as a trace can tell."""
        then = recorded.masked()
        return any(self.masked(prompts) == then for prompts in Prompts)

    def masked(self, prompts: Prompts = Prompts.KEEP) -> Any:
        """Returns what can be compared."""
        pseudonyms = Pseudonyms(prompts, Images.DROP, lambda text: text)

        def mask(kind: SecretKind, text: str) -> str:
            return pseudonyms.of(kind, text) if kind is SecretKind.PROMPT else f"<{kind.value}>"

        plain = in_text(self.text, mask)
        return _without_measures(plain), sorted((name, _value(name, value)) for name, value in self.query)

    @property
    def lines(self) -> list[str]:
        """The same for a reader."""
        said, query = self.masked()
        members = [f"{name} = {value}" for name, value in query]
        if not isinstance(said, str):
            return members + json.dumps(said, indent=2, ensure_ascii=False, sort_keys=True).splitlines()
        return members + said.splitlines()


def path_content(path: str) -> str:
    """Returns a path as it is compared."""
    return in_text(path, lambda kind, _: f"<{kind.value}>")


def request_content(request: HttpRequest) -> Content:
    """Returns what is compared of a request besides its method and path."""
    # A recorded address may hold some of the query.
    written = parse_qsl(request.url.partition("?")[2], keep_blank_values=True, errors="replace")
    query = (*written, *((name, revealed(value) or "") for name, value in request.query))
    described = (revealed(request.header("content-type")) or "").startswith((SDP, "application/trickle-ice"))
    return Content("" if described else request.content().decode(errors="replace"), query)


def _value(name: str, value: str) -> str:
    return "<secret>" if name in BY_NAME or len(value) >= LONG_VALUE else value


def _without_measures(text: str) -> Any:
    try:
        value = parse(text)
    except RemoteProtocolError:
        return text
    if isinstance(value, dict) and isinstance(measured := value.get(_MEASURED), dict):
        return value | {_MEASURED: sorted(measured)}
    return value
