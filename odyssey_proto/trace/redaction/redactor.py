"""
Makes a trace fit to be shared, and proves that it is.

What a machine says depends on nothing but its settings and its inputs.
So these are closed, and the machine itself, given them, says the rest anew: no output of the
export can show what its inputs do not show.
That leaves one question, whether the machine goes the same way as before, and it is asked: every
output must be the one that was recorded but for its texts.
What the trace knows to be secret is searched in the result as well.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from attrs import evolve

from odyssey_proto.kernel.introspection import changed, fields_of
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.public import WORDS
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.trace.application import ApplicationDifference
from odyssey_proto.trace.blobs import condensed
from odyssey_proto.trace.checking import verdict
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.format import lines
from odyssey_proto.trace.policy import Images, Redaction
from odyssey_proto.trace.redaction.leaks import bare, leaks, pieces_of
from odyssey_proto.trace.redaction.pseudonyms import LONG_NUMBER
from odyssey_proto.trace.redaction.texts import Texts
from odyssey_proto.trace.replay import Difference, replayed
from odyssey_proto.trace.values import Make, Step, Trace


class RedactionError(Exception):
    """
    A trace cannot be exported: something secret would be left in it, or the redacted trace no longer holds.

    `difference` says where its replay went another way, if that is why.
    """

    def __init__(self, message: str, difference: Difference | ApplicationDifference | None = None) -> None:
        super().__init__(message)
        self.difference = difference


def redacted(trace: Trace, make: Make, how: Redaction | None = None) -> Trace:
    """
    Returns a trace in which nothing secret is left, proved by a replay and by a search.

    Raises `RedactionError` if that cannot be done.
    """
    if trace.header.machine == "service":
        raise RedactionError("a service draws its tokens from its seed: record its clients instead")
    redactor = _Redactor(trace, make, how or Redaction())
    try:
        shared = redactor.redacted()
        leak = next(leaks(lines(shared), redactor.pieces), None)
    except UnknownValueError as error:
        raise RedactionError(f"the trace cannot be rewritten: {error}") from None
    if leak is not None:
        raise RedactionError(f"the export would hold {leak}")
    return evolve(shared, ended=trace.ended)


class _Redactor:
    def __init__(self, trace: Trace, make: Make, how: Redaction) -> None:
        self._trace = trace
        self._make = make
        self._images = how.images
        met = (trace.header.settings, trace.broken, *((step.inp, step.outputs) for step in trace.steps))
        self._secrets = frozenset(secrets_in(met))
        self._texts = Texts(how.prompts, how.images, self._secrets, again=trace.header.redacted)

    @property
    def pieces(self) -> Iterator[str]:
        """What must not be found in the result: whatever of a secret its pseudonym does not say as well."""
        words = bare(" ".join(WORDS))
        for secret in self._secrets:
            other = bare(self._texts.text(secret, secret=True))
            yield from (piece for piece in pieces_of(secret) if piece not in other and piece not in words)

    def redacted(self) -> Trace:
        """Returns the trace with closed inputs and with what the machine says to them."""
        trace = self._trace
        repeated = self._repeats()
        header = evolve(
            trace.header,
            settings=self._closed(trace.header.settings),
            title=self._texts.text(trace.header.title),
            redacted=True,
        )
        asked = tuple(map(self._asked, trace.steps))
        broken = None if trace.broken is None else (trace.broken[0], self._closed(trace.broken[1]))
        if repeated:
            return Trace(header, tuple(self._answered(Trace(header, asked))), trace.cut, broken)
        if (header, broken) == (trace.header, trace.broken) and [step.inp for step in asked] == [
            step.inp for step in trace.steps
        ]:
            # It was exported before, and nothing more is to be closed.
            return trace
        raise RedactionError("the trace is of another version of the core, which alone can redact it")

    def _repeats(self) -> bool:
        """
        Tells whether this core takes every step of the trace again, as that of another version need not.

        Raises `RedactionError` for a trace that does not hold.
        """
        try:
            # An input that broke the core may break it again, and is exported nevertheless.
            found = verdict(evolve(self._trace, broken=None), self._make)
        except Exception as error:
            raise RedactionError(f"the trace cannot be replayed: {type(error).__name__}") from error
        if found.difference is not None:
            raise self._another_way(found.difference)
        return found.steps is None

    def _asked(self, step: Step) -> Step:
        small = step if self._images is Images.KEEP else condensed(step, self._images, 1)
        return Step(step.at, self._closed(small.inp), condensed=small.condensed)

    def _answered(self, shared: Trace) -> Iterator[Step]:
        for replay, recorded in zip(replayed(shared, self._make), self._trace.steps, strict=False):
            if replay.raised is not None or not same_way(replay.actual, recorded):
                found = Difference(replay.index, recorded, replay.actual, raised=replay.raised)
                raise self._another_way(found)
            yield replay.actual

    def _another_way(self, found: Difference | ApplicationDifference) -> RedactionError:
        """Returns the error for a difference, in which nothing secret stands either."""
        expected, actual = self._shown(found.expected), self._shown(found.actual)
        if isinstance(found, Difference):
            closed: Any = Difference(found.index, expected, actual, raised=found.raised)
        else:
            missing, unknown = (
                tuple(map(self._texts.words, each)) for each in (found.missing, found.unknown)
            )
            closed = evolve(found, expected=expected, actual=actual, missing=missing, unknown=unknown)
        return RedactionError(f"the trace does not replay: {found.summary}", closed)

    def _shown(self, value: Any) -> Any:
        if not isinstance(value, Step):
            return self._closed(value)
        outputs, refused = self._closed(value.outputs), self._closed(value.refused)
        return evolve(value, inp=self._closed(value.inp), outputs=outputs, refused=refused)

    def _closed(self, value: Any, name: str = "") -> Any:
        """Returns a value with its texts closed; `name` is that of the field it stands in."""
        match value:
            case Enum() | bool() | int() | float() | None:
                return value
            case str():
                return self._texts.text(value, name)
            case bytes():
                # The seed is chance, and the machine's way depends on it.
                return value if name == "seed" else self._texts.body(value)
            case Secret():
                return Secret(self._texts.text(value.reveal(), name, secret=True))
            case tuple() | list():
                return type(value)(self._closed(item, name) for item in value)
            case Mapping():
                return {self._texts.name(key): self._closed(item, key) for key, item in value.items()}
            case HttpReply(status, headers, body):
                fields = tuple(self._texts.header(*pair) for pair in headers)
                return HttpReply(status, fields, self._texts.body(body))
            case _:
                return self._closed_fields(value)

    def _closed_fields(self, value: Any) -> Any:
        closed = {
            each.name: self._closed(getattr(value, each.name), each.name)
            for each in fields_of(type(value))
            if each.argument is not None
        }
        try:
            return changed(value, closed) if closed else value
        except (ValueError, TypeError):
            raise UnknownValueError(f"{type(value).__name__} cannot be made of pseudonyms") from None


def secrets_in(value: Any) -> Iterator[str]:
    """Returns the text of every `Secret` in a value, and of every field that is marked as one."""
    match value:
        case Secret():
            yield value.reveal()
        case Enum():
            return
        case tuple() | list():
            for item in value:
                yield from secrets_in(item)
        case Mapping():
            yield from secrets_in(tuple(value.values()))
        case _:
            for each in fields_of(type(value)):
                item = getattr(value, each.name)
                if isinstance(item, str):
                    yield from (item,) if "secret" in each.marks else ()
                else:
                    yield from secrets_in(item)


def same_way(new: Step, old: Step) -> bool:
    """Tells whether a machine did the same in two steps, whatever the texts in it say."""
    return (
        new.deadline == old.deadline and _alike(new.refused, old.refused) and _alike(new.outputs, old.outputs)
    )


def _alike(new: Any, old: Any) -> bool:
    match new:
        case _ if type(new) is not type(old):
            return False
        case Enum():
            return new is old
        case str() | bytes() | Secret():
            return bool(new) == bool(old)
        case tuple() | list():
            return len(new) == len(old) and all(map(_alike, new, old))
        case Mapping():
            return _alike([*new.values()], [*old.values()])
        case int() | float():
            return new == old or min(len(str(new)), len(str(old))) >= LONG_NUMBER
        case _:
            fields = fields_of(type(new))
            return all(_alike(getattr(new, each.name), getattr(old, each.name)) for each in fields)
