"""
What a client said, fit to be compared with what it said then.

A trace has pseudonyms in the place of whatever is not the protocol's own, so that is not looked at;
prompts are, also where the trace has only their digests.
Left out is what differs each time: measured latencies, images down to the byte, descriptions of media.
"""

import json
import re
from contextlib import suppress
from urllib.parse import parse_qsl

from attrs import field, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.secret import revealed, sized
from odyssey_proto.messages.public import MEMBERS, MemberKind
from odyssey_proto.messages.whep import SDP
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.trace.blobs import MARK
from odyssey_proto.trace.policy import Prompts
from odyssey_proto.trace.redaction.json_tokens import Changes, in_json
from odyssey_proto.trace.redaction.prompts import digest, is_digest, plain_words
from odyssey_proto.trace.redaction.pseudonyms import CONSONANTS, LONG_NUMBER
from odyssey_proto.trace.redaction.texts import is_public

_IMAGE = re.compile(rf'{MARK}[^"\\]*')

_PART = re.compile(r"[A-Za-z0-9._~-]{0,64}")
_CLOSED = re.compile(rf"\b[{CONSONANTS}]+\b")

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

    def masked(self, prompts: Prompts = Prompts.KEEP) -> tuple[str, list[tuple[str, str]]]:
        """Returns what can be compared, with prompts as a trace has them that keeps so much of them."""

        def text(name: str, said: str) -> str:
            if MEMBERS.get(name) is MemberKind.PROMPT:
                return _prompt(said, prompts)
            return said if name == _MEASURED else _masked(name, said)

        changes = Changes(str, text, lambda _, number: number, lambda rest: _masked("", rest))
        said = in_json(_without_measures(self.text), changes)
        return said, sorted((name, _masked(name, value)) for name, value in self.query)

    @property
    def lines(self) -> list[str]:
        """The same for a reader."""
        said, query = self.masked()
        members = [f"{name} = {value}" for name, value in query]
        with suppress(RemoteProtocolError):
            said = json.dumps(parse(said), indent=2, ensure_ascii=False, sort_keys=True)
        return members + said.splitlines()


def path_content(path: str) -> str:
    """Returns a path as it is compared."""
    return "/".join(part if _PART.fullmatch(part) else "<text>" for part in path.split("/"))


def request_content(request: HttpRequest) -> Content:
    """Returns what is compared of a request besides its method and path."""
    # A recorded address may hold some of the query.
    written = parse_qsl(request.url.partition("?")[2], keep_blank_values=True, errors="replace")
    query = (*written, *((name, revealed(value)) for name, value in request.query))
    described = (revealed(request.header("content-type")) or "").startswith((SDP, "application/trickle-ice"))
    return Content("" if described else request.content().decode(errors="replace"), query)


def _masked(name: str, text: str) -> str:
    kind = MEMBERS.get(name)
    if kind is MemberKind.SECRET:
        return "<secret>"
    same = kind is MemberKind.ID and _PART.fullmatch(text) is not None
    return text if same or is_public(text, LONG_NUMBER - 1) else "<text>"


def _prompt(text: str, prompts: Prompts) -> str:
    if prompts is not Prompts.KEEP:
        return digest(text, prompts)
    # What was closed in a prompt that was kept is spelled in consonants.
    return text if is_digest(text) else _CLOSED.sub("<text>", plain_words(text, lambda _: "<text>"))


def _without_measures(text: str) -> str:
    try:
        value = parse(text)
    except RemoteProtocolError:
        return text
    if isinstance(value, dict) and isinstance(measured := value.get(_MEASURED), dict):
        return json.dumps(value | {_MEASURED: sorted(measured)}, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
