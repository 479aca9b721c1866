"""What the page of a trace shows, before a browser sees it."""

import json

import pytest
from attrs import evolve
from core.traced_sessions import SETTINGS, recorded

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.page_data import ACTORS, page_data
from odyssey_proto.trace import Trace
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted

SECRET = SETTINGS.api_key.reveal()


@pytest.fixture(scope="module")
def trace() -> Trace:
    return recorded()


def test_every_record_is_there_with_its_state_and_its_cause(trace: Trace) -> None:
    data = page_data(TraceCursor(trace, fresh), "a\x1b name")
    assert data["title"] == "a\\x1b name"
    records = list(trace.records())
    assert [record[3] for record in data["records"]] == [record.name for record in records]
    assert [record[1] for record in data["records"]] == [record.step for record in records]
    assert len(data["stateOfStep"]) == len(trace.steps)
    last = dict(map(tuple, data["states"][data["stateOfStep"][-1]]))
    assert last["status"] == "disconnected"
    assert data["records"][1][9] == 0
    assert data["actors"][1] == "client"
    assert (data["warnings"], data["differs"]) == ([], None)
    assert data["length"] == trace.steps[-1].at - trace.steps[0].at


def test_what_lasted_is_there(trace: Trace) -> None:
    data = page_data(TraceCursor(trace, fresh), "name")
    (path,) = data["paths"]
    assert path["reached"]
    assert [phase[0] for phase in path["phases"]][:2] == ["authenticate", "allocate"]
    assert [status[0] for status in data["statuses"]][-1] == "disconnected"
    assert {ACTORS[wait[0]].value for wait in data["waits"]} >= {"application", "API", "streamer"}
    assert len(data["streams"]) == 1
    open_end = page_data(TraceCursor(evolve(trace, steps=trace.steps[:-3]), fresh), "name")
    assert open_end["streams"][0][2] is None


def test_secrets_are_shown_only_when_asked_for(trace: Trace) -> None:
    assert SECRET not in json.dumps(page_data(TraceCursor(trace, fresh), "name"))
    assert SECRET in json.dumps(page_data(TraceCursor(trace, fresh), "name", secrets=True))
    shared = redacted(trace, fresh)
    shown = json.dumps(page_data(TraceCursor(shared, fresh), "name"))
    assert SECRET not in shown
    assert shared.header.settings.api_key.reveal() in shown


def test_where_a_replay_goes_another_way_is_there(trace: Trace) -> None:
    odd = evolve(trace, steps=(evolve(trace.steps[0], outputs=()), *trace.steps[1:]))
    data = page_data(TraceCursor(odd, fresh), "name")
    assert data["differs"] == 0
    assert data["warnings"] == ["A replay goes another way at step 0."]
    older = page_data(TraceCursor(evolve(odd, header=evolve(odd.header, behaviour=0)), fresh), "name")
    assert older["warnings"][1] == "The core that was recorded had behaviour 0, this one has 1."
    made = page_data(TraceCursor(evolve(trace, header=evolve(trace.header, versions=())), fresh), "name")
    assert made["facts"][-1] == "with its secrets"
