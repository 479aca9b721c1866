"""
Makes a trace fit to be shared: secrets become pseudonyms, and it is proved that it still holds.

What must not be told is found by type and by name (`places`), and replaced wherever it occurs in any
form (`encodings`).
The result is searched by other means (`leaks`) and replayed, before anybody gets it.
"""

from collections.abc import Callable
from typing import Any

from attrs import evolve, field, frozen

from odyssey_proto.seam.commands import Command, Interact
from odyssey_proto.seam.outputs import Completed
from odyssey_proto.trace.application import ApplicationDifference
from odyssey_proto.trace.blobs import Images, condensed
from odyssey_proto.trace.checking import verdict
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.format import lines
from odyssey_proto.trace.redaction.encodings import Disguises
from odyssey_proto.trace.redaction.leaks import leaks
from odyssey_proto.trace.redaction.pseudonyms import JWT, Prompts, Pseudonyms, claims_of
from odyssey_proto.trace.redaction.secret_kinds import SecretKind
from odyssey_proto.trace.redaction.visit import in_text, visit
from odyssey_proto.trace.replay import Difference
from odyssey_proto.trace.values import Step, Trace
from odyssey_proto.trace.vocabulary import CODEC


@frozen(kw_only=True)
class Redaction:
    """What an export keeps; secrets, addresses and host names never stay."""

    prompts: Prompts = field(default=Prompts.KEEP, converter=Prompts)
    """`keep`, `hash` or `drop`."""
    images: Images = field(default=Images.HASH, converter=Images)
    """The same."""


class RedactionError(Exception):
    """
    A trace cannot be exported: something would be told, or the redacted trace no longer holds.

    `difference` says where its replay went another way, if that is why.
    """

    def __init__(self, message: str, difference: Difference | ApplicationDifference | None = None) -> None:
        super().__init__(message)
        self.difference = difference


def redacted(trace: Trace, how: Redaction | None = None) -> Trace:
    """
    Returns a trace in which nothing is told, proved by a search and by a replay.

    Raises `RedactionError` if that cannot be done.
    """
    if trace.header.machine == "service":
        raise RedactionError("a service draws its tokens from its seed: record its clients instead")
    how = how or Redaction()
    try:
        redactor = _Redactor(trace, how)
        shared = redactor.redact()
        told = next(leaks(lines(shared), redactor.known), None)
    except UnknownValueError as error:
        raise RedactionError(f"the trace cannot be rewritten: {error}") from None
    if told is not None:
        raise RedactionError(f"the export would tell {told}")
    try:
        # An input that broke the core may break it again, and is exported nevertheless.
        found = verdict(evolve(shared, broken=None)).difference
    except Exception as error:
        raise RedactionError(f"the redacted trace cannot be replayed: {type(error).__name__}") from error
    if found is not None:
        raise RedactionError(f"the redacted trace does not replay: {found.summary}", found)
    return evolve(shared, ended=trace.ended)


class _Redactor:
    def __init__(self, trace: Trace, how: Redaction) -> None:
        self._trace = trace
        self._how = how
        self._met: dict[str, SecretKind] = {}
        again = trace.header.redacted
        self.pseudonyms = Pseudonyms(how.prompts, how.images, self._inside, taken=self._met, again=again)
        self._interacts: set[Any] = set()

    @property
    def known(self) -> tuple[str, ...]:
        """The texts of which none may be left."""
        return tuple(text for text, other in self.pseudonyms.everywhere.items() if text != other)

    def redact(self) -> Trace:
        # First everything is met, so that what is known late is replaced early as well, and so that
        # no pseudonym is what stands somewhere already.
        self._changed(lambda form, name: visit(form, self._meet, name))
        for text, kind in self._met.items():
            self.pseudonyms.of(kind, text)
        disguises = Disguises(self.pseudonyms.everywhere)

        def told(form: Any, name: str) -> Any:
            # What is known goes first: a part of it may look like something else.
            return visit(_scrubbed(form, disguises.replace), self.pseudonyms.of, name)

        return self._changed(told)

    def _meet(self, kind: SecretKind, text: str) -> str:
        if text and text not in self._met:
            self._met[text] = kind
            for token in JWT.finditer(text):
                in_text(claims_of(token[0]), self._meet)
        return text

    def _changed(self, change: Callable[[Any, str], Any]) -> Trace:
        """Returns the trace with every value changed in its JSON form; the function gets its name as well."""

        def told(value: Any, name: str = "") -> Any:
            return CODEC.decode(change(CODEC.encode(value), name))

        trace = self._trace
        header = evolve(
            trace.header,
            settings=told(trace.header.settings),
            title=told(trace.header.title),
            redacted=True,
        )
        steps = tuple(self._step(step, told) for step in trace.steps)
        broken = None if trace.broken is None else (trace.broken[0], told(trace.broken[1]))
        return Trace(header, steps, trace.cut, broken)

    def _step(self, step: Step, told: Callable[..., Any]) -> Step:
        if self._how.images is not Images.KEEP:
            step = condensed(step, self._how.images, 1)
        self._note(step.inp)
        outputs = tuple(self._output(output, told) for output in step.outputs)
        return evolve(step, inp=told(step.inp), outputs=outputs, refused=told(step.refused))

    def _note(self, inp: Any) -> None:
        match inp:
            case Command(name, Interact()):
                self._interacts.add(name)
            case _:
                pass

    def _output(self, output: Any, told: Callable[..., Any]) -> Any:
        match output:
            case Completed(name, str(prompt)) if name in self._interacts:
                # The result of an interact is a prompt, but nothing in it says so.
                return Completed(name, told(prompt, "prompt"))
            case _:
                return told(output)

    def _inside(self, text: str) -> str:
        return in_text(text, self.pseudonyms.of)


def _scrubbed(form: Any, replace: Callable[[str], str]) -> Any:
    match form:
        case str():
            return replace(form)
        case {"$enum": _} | {"$utf16": _}:
            return form
        case dict():
            return {key: item if key == "$" else _scrubbed(item, replace) for key, item in form.items()}
        case list():
            return [_scrubbed(item, replace) for item in form]
        case _:
            return form
