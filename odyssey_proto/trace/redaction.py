"""
Makes a trace fit to be shared: secrets become pseudonyms, and it is proved that it still holds.

What must not be told is found by type and by name (`places`), and then replaced wherever it occurs
in any form (`disguises`).
The result is searched by other means (`leaks`) and replayed, before anybody gets it.
"""

from collections.abc import Callable
from typing import Any

from attrs import evolve, field, frozen

from odyssey_proto.commands import Command, Interact
from odyssey_proto.outputs import Completed
from odyssey_proto.trace.blobs import Images, condensed
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.encodings import Disguises
from odyssey_proto.trace.format import lines
from odyssey_proto.trace.leaks import leaks
from odyssey_proto.trace.places import in_text, visit
from odyssey_proto.trace.pseudonyms import Prompts, Pseudonyms
from odyssey_proto.trace.replay import Difference, difference
from odyssey_proto.trace.secret_kinds import SecretKind
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

    def __init__(self, message: str, difference: Difference | None = None) -> None:
        super().__init__(message)
        self.difference = difference


def redacted(trace: Trace, how: Redaction | None = None) -> Trace:
    """
    Gives a trace in which nothing is told, proved by a search and by a replay.

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
        found = difference(evolve(shared, broken=None))
    except Exception as error:
        raise RedactionError(f"the redacted trace cannot be replayed: {type(error).__name__}") from error
    if found is not None:
        raise RedactionError(f"the redacted trace goes another way at step {found.index}", found)
    return evolve(shared, ended=trace.ended)


class _Redactor:
    def __init__(self, trace: Trace, how: Redaction) -> None:
        self._trace = trace
        self._how = how
        again = trace.header.redacted
        self.pseudonyms = Pseudonyms(how.prompts, how.images, self._inside, again=again)
        self._interacts: set[Any] = set()

    @property
    def known(self) -> tuple[str, ...]:
        """The texts of which none may be left."""
        return tuple(text for text, other in self.pseudonyms.everywhere.items() if text != other)

    def redact(self) -> Trace:
        # First everything is met, so that what is known late is replaced early as well.
        self._changed(lambda form: None)
        disguises = Disguises(self.pseudonyms.everywhere)
        return self._changed(lambda form: CODEC.decode(_scrubbed(form, disguises.replace)))

    def _changed(self, finish: Callable[[Any], Any]) -> Trace:
        def told(value: Any) -> Any:
            return finish(visit(CODEC.encode(value), self.pseudonyms.of))

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

    def _step(self, step: Step, told: Callable[[Any], Any]) -> Step:
        if self._how.images is not Images.KEEP:
            step = condensed(step, self._how.images, 1)
        self._note(step.inp)
        outputs = tuple(told(self._prompted(output)) for output in step.outputs)
        return evolve(step, inp=told(step.inp), outputs=outputs, refused=told(step.refused))

    def _note(self, inp: Any) -> None:
        match inp:
            case Command(name, Interact()):
                self._interacts.add(name)
            case _:
                pass

    def _prompted(self, output: Any) -> Any:
        """The result of an interact is a prompt, but nothing in it says so."""
        match output:
            case Completed(name, str(prompt)) if name in self._interacts:
                return Completed(name, self.pseudonyms.of(SecretKind.PROMPT, prompt))
            case _:
                return output

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
