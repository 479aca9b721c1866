"""Whatever is read instead of a trace gets an error with its line, in bounded memory."""

import io
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from core.traced_sessions import giving, recorded
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.seam.commands import Interact
from odyssey_proto.trace import SCHEMA, TraceError, lines, read, read_file
from odyssey_proto.trace import reading as limits

TRACE = recorded()
LINES = list(lines(TRACE))
REFUSED = list(lines(recorded(giving([Interact("x")]))))


def refused(texts: Any) -> TraceError:
    with pytest.raises(TraceError) as caught:
        read(texts)
    return caught.value


def header(**changes: Any) -> str:
    return json.dumps(json.loads(LINES[0]) | changes)


def inner(**changes: Any) -> str:
    form = json.loads(LINES[0])
    return json.dumps(form | {"trace": form["trace"] | changes})


def settings(**changes: Any) -> str:
    form = json.loads(LINES[0])["trace"]["settings"]
    return inner(settings=form | changes)


def test_a_truncated_trace_ends_with_what_was_not_answered() -> None:
    trace = read(LINES[:6])
    assert trace.broken is not None
    assert (trace.broken[0], len(trace.steps), trace.ended) == (TRACE.steps[2].at, 2, False)
    assert refused([*LINES[:6], LINES[6][:50]]).line == 7


def test_a_trace_says_where_it_ends() -> None:
    end = json.loads(LINES[-1])
    assert (end["name"], end["data"]) == ("odyssey:end", {"steps": len(TRACE.steps)})
    cut_off = read(LINES[:-1])
    assert (cut_off.ended, cut_off.steps) == (False, TRACE.steps)
    assert list(lines(cut_off)) == LINES[:-1]
    # Two lines were taken out in the middle.
    error = refused([*LINES[:5], *LINES[7:]])
    assert str(
        error
    ) == f"line {len(LINES) - 2}: the end counts {end['data']['steps']} steps, but here are " + (
        str(end["data"]["steps"] - 1)
    )


def test_a_json_text_sequence_is_read_too() -> None:
    assert read("\x1e" + line + "\n" for line in LINES) == TRACE


def test_strange_order_is_found() -> None:
    assert str(refused([*LINES[:2], LINES[1]])) == "line 3: an input without its outputs before this line"
    assert str(refused([LINES[0], LINES[2]])) == "line 2: outputs without an input before them"
    assert str(refused([LINES[0], *LINES[5:7], *LINES[1:3]])) == "line 4: time runs backwards"
    assert str(refused([*LINES[:2], LINES[6]])) == (
        "line 3: neither outputs nor a refusal at the time of the input"
    )
    assert str(refused([*LINES[:3], LINES[0]])) == "line 4: neither an input, nor a cut, nor the end"


END = '{"time":0,"name":"odyssey:end","data":{"steps":0}}'
CUT = '{"time":0,"name":"odyssey:cut","data":{"steps":3}}'

BAD_HEADERS: dict[str, tuple[str, str]] = {
    "a newer form": (header(file_schema="urn:odyssey:trace:2"), "written in the form 'urn:odyssey:trace:2'"),
    "another tool's": (
        header(file_schema="urn:ietf:params:qlog:file:sequential"),
        "which this version cannot",
    ),
    "no schema": ('{"a":1}', "this is not a trace"),
    "no object": ("[]", "a record is a JSON object"),
    "no JSON": ("GET / HTTP/1.1", "not valid JSON"),
    "no settings": (inner(settings=None), "the settings are not those of its machine"),
    "another machine": (inner(machine="service"), "the settings are not those of its machine"),
    "other settings": (inner(settings={"$": "Connect"}), "the settings are not those of its machine"),
    "settings of another type": (settings(api_url=7), "the field 'api_url' of Settings cannot hold this"),
    "no timeouts": (settings(timeouts=None), "the field 'timeouts' of Settings cannot hold this"),
    "a key that is no secret": (
        settings(api_key="plain"),
        "the field 'api_key' of Settings cannot hold this",
    ),
    "unknown settings": (inner(settings={"$": "Settings", "colour": "red"}), "no field 'colour'"),
    "no behaviour": (inner(behaviour="new"), "the behaviour of the core is a whole number"),
    "no moment": (inner(common_fields={"reference_time": {"wall_clock_time": "noon"}}), "not a moment"),
    "no zone": (inner(common_fields={"reference_time": {"wall_clock_time": "2026-01-01"}}), "not a moment"),
}


@pytest.mark.parametrize(("line", "why"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_first_line_that_is_none(line: str, why: str) -> None:
    error = refused([line, *LINES[1:]])
    assert error.line == 1
    assert why in str(error)


def test_settings_that_no_machine_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def unusable(settings: Any) -> Any:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(limits, "fresh", unusable)
    assert str(refused(LINES)) == "line 1: no machine can be made with these settings"


def record(**changes: Any) -> str:
    return json.dumps(json.loads(LINES[1]) | changes)


def outputs(**changes: Any) -> list[str]:
    return [LINES[0], LINES[1], json.dumps(json.loads(LINES[2]) | changes)]


def value(form: Any) -> list[str]:
    return [LINES[0], record(data=form)]


REASON = ["ClientTimer", "NEGOTIATE"]

BAD_RECORDS: dict[str, list[str]] = {
    "time is text": [LINES[0], record(time="now")],
    "time is a truth value": [LINES[0], record(time=True)],
    "time is negative": [LINES[0], record(time=-1)],
    "an unknown name": [LINES[0], record(name="odyssey:sideways")],
    "no data": outputs(data=None),
    "no outputs": outputs(data={"outputs": {}, "deadline": None}),
    "outputs of a service": outputs(data={"outputs": [{"$": "AcceptSocket", "socket": 1}], "deadline": None}),
    "an output that is none": outputs(data={"outputs": [5], "deadline": None}),
    "an input of a service": value({"$": "AskerGone", "exchange": 1}),
    "an input that is none": value("hello"),
    "an input without data": [LINES[0], '{"time":0,"name":"odyssey:in"}'],
    "a deadline at a truth value": outputs(data={"outputs": [], "deadline": [True, {"$enum": REASON}]}),
    "a deadline without end": outputs(data={"outputs": [], "deadline": [10**30, {"$enum": REASON}]}),
    "a time without end": [LINES[0], record(time=10**30)],
    "an unknown value": value({"$": "Bomb"}),
    "an Enum as a value": value({"$": "Why"}),
    "an unknown member": value({"$enum": ["Why", "BECAUSE"]}),
    "a value as an Enum": value({"$enum": ["Wake", "X"]}),
    "an object without a tag": value({"what": 1}),
    "wrong fields": value({"$": "Abandon"}),
    "credentials that are none": value({"$": "ClientCredentials", "signaling_url": "", "session_token": ""}),
    "bad base64": value({"$base64": "="}),
    "bad UTF-16": value({"$utf16": "AA=="}),
    "a map without pairs": value({"$map": [1]}),
    "deep nesting": value(json.loads("[" * 70 + "]" * 70)),
    "deeper nesting": [
        LINES[0],
        '{"time":0,"name":"odyssey:in","data":' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    "the same name twice": [LINES[0], '{"time":0,"time":0,"name":"odyssey:in","data":null}'],
    "not a number": [LINES[0], '{"time":0,"name":"odyssey:in","data":NaN}'],
    "an endless number": [LINES[0], '{"time":0,"name":"odyssey:in","data":' + "9" * 10_000 + "}"],
    "a deadline without a reason": outputs(data={"outputs": [], "deadline": [1, "soon"]}),
    "a deadline that is none": outputs(data={"outputs": [], "deadline": 5}),
    "a cut in a step": [*LINES[:2], CUT],
    "a record after a cut": [LINES[0], CUT, LINES[1]],
    "a cut of nothing": [LINES[0], CUT.replace("3", "0")],
    "a cut of a truth value": [LINES[0], CUT.replace("3", "true")],
    "a record after the end": [LINES[0], END, LINES[1]],
    "two ends": [LINES[0], END, END],
    "an end of another file": [LINES[0], END.replace("0}", "3}")],
    "an end without a number": [LINES[0], END.replace("0}", "null}")],
    "stand-ins without end": [LINES[0], record(data=";base64,<blob 90000000 ->;base64,<blob 90000000 ->")],
    "no JSON": [LINES[0], "garbage"],
    "nothing": [LINES[0], ""],
}


def deep(form: Any, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Returns the first object in a form for which something holds."""
    waiting = [form]
    for each in waiting:
        if isinstance(each, dict) and found(each):
            return each
        waiting += each.values() if isinstance(each, dict) else each if isinstance(each, list) else []
    raise AssertionError("there is none")


WRONG = [
    ("Replied", "reply", 5),
    ("Replied", "exchange", {"$map": []}),
    ("Replied", "exchange", ["a"]),
    ("HttpReply", "headers", 5),
    ("HttpReply", "headers", [["accept", 5]]),
    ("HttpReply", "headers", [["accept"]]),
    ("HttpReply", "status", True),
    ("HttpRequest", "url", None),
    ("ChannelText", "text", 7),
    ("SocketText", "text", {"$map": []}),
    ("MediaSeen", "received", "x"),
    ("MediaSeen", "received", 10**30),
    ("Command", "what", None),
    ("Happened", "event", None),
]


@pytest.mark.parametrize(("name", "field", "wrong"), WRONG)
def test_a_field_that_cannot_hold_what_it_has(name: str, field: str, wrong: Any) -> None:
    at = next(number for number, line in enumerate(LINES) if f'"$":"{name}"' in line)
    form = json.loads(LINES[at])
    deep(form, lambda each: each.get("$") == name)[field] = wrong
    error = refused([*LINES[:at], json.dumps(form), *LINES[at + 1 :]])
    assert str(error) == f"line {at + 1}: the field {field!r} of {name} cannot hold this"


@pytest.mark.parametrize("texts", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_record_that_is_none(texts: list[str]) -> None:
    error = refused(texts)
    assert error.line == len(texts)
    assert str(error).startswith(f"line {len(texts)}: ")
    assert len(str(error)) < 200


def test_an_empty_file_is_no_trace() -> None:
    assert str(refused([])) == "an empty trace"
    assert refused([]).line is None


def test_gigabytes_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        yield LINES[0]
        while True:
            for line in (LINES[1], '{"time":0,"name":"odyssey:out","data":{"outputs":[],"deadline":null}}'):
                taken += len(line)
                yield line

    monkeypatch.setattr(limits, "MAX_CHARACTERS", 100_000)
    error = refused(endless())
    assert taken < 200_000
    assert "longer than any trace" in str(error)


def test_lines_without_end_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINES", 3)
    assert str(refused(iter(LINES))) == "line 4: longer than any trace"


def test_a_line_of_too_many_pieces_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PIECES", 100)
    assert str(refused([LINES[0], record(data=[0] * 200)])) == "line 2: more pieces than any record has"


def test_lines_of_too_many_pieces_are_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PIECES_IN_ALL", 100)
    error = refused(LINES)
    assert "more pieces than any trace has" in str(error)
    assert error.line is not None
    assert error.line < len(LINES)


def test_stand_ins_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(LINES) == TRACE
    monkeypatch.setattr("odyssey_proto.trace.reading.MAX_STAND_IN_CHARS", 10_000)
    assert "stand-ins stand for more than all images" in str(refused(LINES))


def test_a_line_is_read_no_further_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINE", 10_000)

    class Endless:
        asked = 0

        def readline(self, limit: int, /) -> bytes:
            self.asked += limit
            return b"x" * limit

    endless = Endless()
    with pytest.raises(TraceError, match="line 1: longer than any trace"):
        read_file(endless)
    assert endless.asked <= 10_001


def test_a_file_is_read() -> None:
    assert read_file(io.BytesIO("\n".join(LINES).encode())) == TRACE
    with pytest.raises(TraceError, match="line 2: not UTF-8"):
        read_file(io.BytesIO(LINES[0].encode() + b"\n\xff\xfe\n"))


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    whole = ("\n".join(LINES) + "\n").encode()
    first = len(LINES[0].encode()) + 1
    assert read_file(io.BytesIO(whole)).ended
    for at in range(first, len(whole) - 1, 7):
        trace = read_file(io.BytesIO(whole[:at]))
        assert trace.steps == TRACE.steps[: len(trace.steps)]
        # All lines that are whole, the last one perhaps without its newline.
        kept = whole[:at].decode(errors="ignore").splitlines()
        assert len(list(lines(trace))) >= len(kept) - 1
        assert trace.ended == (kept[-1] == LINES[-1])


def test_a_file_that_was_cut_off_in_its_first_line_is_no_trace() -> None:
    with pytest.raises(TraceError, match="line 1: not valid JSON"):
        read_file(io.BytesIO(LINES[0].encode()[:-1]))


@pytest.mark.parametrize("last", [b'{"time":}', b"\xff", b'{"a":"\xff"}', b"null", b'{"a":1,"a":2}', b"}{\n"])
def test_a_last_line_that_is_whole_and_wrong_is_an_error(last: bytes) -> None:
    with pytest.raises(TraceError, match="line 2: "):
        read_file(io.BytesIO(LINES[0].encode() + b"\n" + last))


def test_an_error_survives_being_pickled() -> None:
    error = pickle.loads(pickle.dumps(refused([LINES[0], ""])))
    assert (str(error), error.line) == (str(refused([LINES[0], ""])), 2)


def test_what_a_later_version_adds_to_the_first_line_is_passed_over() -> None:
    assert read([header(description="more"), *LINES[1:]]) == TRACE
    assert read([inner(versions=None, common_fields=None), *LINES[1:]]).header.created is None


edits: list[Callable[[str], str]] = [
    lambda line: line[: len(line) // 2],
    lambda line: line.replace('"', "'"),
    lambda line: line.replace(":", ",", 1),
    lambda line: line.replace("1", "true"),
    lambda line: line.replace('"$"', '"$enum"'),
    lambda line: line + line,
    lambda line: "",
    lambda line: "\x00" + line,
    lambda line: line.replace("null", "[]"),
]


@given(st.permutations(range(len(LINES))), st.integers(0, len(LINES) - 1), st.sampled_from(edits))
def test_edited_and_reordered_traces_are_read_or_refused_with_a_line(
    order: list[int], at: int, edit: Callable[[str], str]
) -> None:
    for texts in (
        [LINES[index] for index in order],
        [*LINES[:at], edit(LINES[at]), *LINES[at + 1 :]],
        REFUSED[:at],
    ):
        lined = True
        try:
            read(texts)
        except TraceError as error:
            lined = error.line is not None
        assert lined or not texts


def test_the_form_has_its_name() -> None:
    assert json.loads(LINES[0])["file_schema"] == SCHEMA == "urn:odyssey:trace:1"
    assert json.loads(LINES[0])["trace"]["common_fields"]["time_unit"] == "us"
