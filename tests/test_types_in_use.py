"""
The documented types in users' hands: `dataclasses`, JSON, Flask, FastAPI, pydantic.

The source: docs/protocol.md#data-types; the table of them is in test_data_types.py.
"""

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import fastapi
import flask
import httpx
import numpy as np
import pydantic
import pytest

import odyssey
from odyssey_proto.messages.token import sign
from tests.test_data_types import FROZEN

SECRET = "canary-2f6c"
TOKEN = sign({"session_id": "s-1"}, SECRET.encode())
URL = f"https://files.example/v.mp4?sig={SECRET}"
STREAM = odyssey.SimulationStream("s-1", URL, URL, URL, URL, 240, 12.0, 1)
LINE = odyssey.StreamRecordingInfo("s-1", 704, 1280, "2026-01-01T00:00:00Z")
BRIEF = odyssey.SimulationJobInfo("j-1", odyssey.SimulationJobStatus.PENDING, "normal", LINE.started_at)
JOB = odyssey.SimulationJobDetail(
    "j-1",
    odyssey.SimulationJobStatus.COMPLETED,
    "normal",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:01Z",
    "2026-01-01T00:00:02Z",
    "2026-01-01T00:00:03Z",
    None,
    "us-west",
    2,
    [STREAM],
    0.5,
)

VALUES: tuple[Any, ...] = (
    odyssey.BroadcastInfo(None, "https://watch.example", SECRET),
    odyssey.Recording("s-1", URL, URL, URL, URL, 240, 12.0),
    LINE,
    odyssey.StreamRecordingsList([LINE], 1, 50, 0),
    STREAM,
    BRIEF,
    JOB,
    odyssey.SimulationJobsList([BRIEF], 1, 50, 0),
    odyssey.StreamerCapabilities(True),
    odyssey.ClientCredentials("wss://s.example", TOKEN, 60, odyssey.StreamerCapabilities(True)),
    odyssey.AdvancedConfig(max_retries=1),
    odyssey.ClientConfig(SECRET, "http://127.0.0.1:1", True),
)

values = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


def test_every_documented_type_is_here() -> None:
    here = {type(value).__name__ for value in VALUES}
    assert here == FROZEN.keys() - {"VideoFrame"} | {"ClientConfig"}


def test_a_job_is_made_by_position() -> None:
    assert (JOB.completed_at, JOB.error_message, JOB.retry_count) == ("2026-01-01T00:00:03Z", None, 2)
    assert (JOB.streams, JOB.estimated_wait_minutes) == ([STREAM], 0.5)
    assert isinstance(JOB, odyssey.SimulationJobInfo)


@values
def test_it_comes_back_from_its_dict_and_from_json(value: Any) -> None:
    form = dataclasses.asdict(value)
    assert list(form) == [field.name for field in dataclasses.fields(value)]
    written = json.loads(json.dumps(form))
    assert written == form
    assert pydantic.TypeAdapter(type(value)).validate_python(written) == value


@values
def test_json_by_the_users_own_choice_hides_nothing(value: Any) -> None:
    hidden = any("secret" in field.metadata for field in dataclasses.fields(value))
    if hidden or value == JOB:
        assert SECRET in json.dumps(dataclasses.asdict(value)) or TOKEN in str(dataclasses.asdict(value))


@values
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, dataclasses.replace, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "replace", "pickle"],
)
def test_it_can_be_made_again(value: Any, again: Callable[[Any], Any]) -> None:
    assert again(value) == value
    assert type(again(value)) is type(value)


@values
def test_no_repr_shows_a_secret(value: Any) -> None:
    for shown in (repr(value), str(value), f"{value}", repr([value]), repr({"it": value})):
        assert SECRET not in shown
        assert TOKEN not in shown


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (VALUES[-3], {"signaling_url": "ftp://s.example"}),
        (VALUES[-3], {"session_token": "x"}),
        (VALUES[-3], {"expires_in": -1}),
        (VALUES[-2], {"max_retries": 2.5}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else type(value).__name__,
)
def test_a_replaced_field_is_checked_as_a_given_one(value: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        dataclasses.replace(value, **wrong)


def test_replaced_credentials_are_of_the_session_that_their_token_names() -> None:
    other = dataclasses.replace(VALUES[-3], session_token=sign({"session_id": "s-2"}, b"key"))
    assert other.session_id == "s-2"


def test_a_frame_is_a_dataclass_too() -> None:
    frame = odyssey.VideoFrame(np.ones((2, 3, 3), np.uint8), 3, 2, 40)
    form = dataclasses.asdict(frame)
    assert [field.name for field in dataclasses.fields(frame)] == list(form)
    assert (form["width"], form["height"], form["timestamp_ms"]) == (3, 2, 40)
    assert (form["data"] == frame.data).all()
    later = dataclasses.replace(frame, timestamp_ms=80)
    assert (later.timestamp_ms, later.data is frame.data) == (80, True)
    assert frame == frame != later
    assert hash(frame) != hash(later)
    with pytest.raises(AttributeError, match="no attribute 'date'"):
        _ = frame.date


@pytest.mark.parametrize(
    "frame",
    [
        odyssey.VideoFrame(np.ones((2, 3, 3), np.uint8), 3, 2, 40),
        odyssey.AudioFrame(np.ones((960, 2), np.int16), 48_000, 40),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_a_frame_is_a_field_of_a_pydantic_model(frame: Any) -> None:
    # What pydantic asks for wherever a field is an array.
    model = pydantic.create_model("Holder", __config__={"arbitrary_types_allowed": True}, frame=type(frame))
    held: Any = model(frame=frame)
    assert held.frame is frame
    form = dataclasses.asdict(frame)
    assert model.model_validate({"frame": form}).model_dump()["frame"].keys() == form.keys()
    with pytest.raises(pydantic.ValidationError, match=r"frame\.data"):
        model.model_validate({"frame": form | {"data": [1]}})


def test_the_handlers_are_a_field_of_a_pydantic_model() -> None:
    model = pydantic.create_model(
        "Holder", __config__={"arbitrary_types_allowed": True}, handlers=odyssey.OdysseyEventHandlers
    )
    held: Any = model(handlers={"on_video_frame": print})
    assert held.handlers == odyssey.OdysseyEventHandlers(on_video_frame=print)


# --- in frameworks ----------------------------------------------------------------------------


@values
def test_flask_makes_json_of_it(value: Any) -> None:
    app = flask.Flask("app")
    app.add_url_rule("/", view_func=lambda: flask.jsonify(value), endpoint="one")
    app.add_url_rule("/all", view_func=lambda: flask.jsonify([value]), endpoint="all")
    with app.test_client() as client:
        assert client.get("/").json == dataclasses.asdict(value)
        assert client.get("/all").json == [dataclasses.asdict(value)]


@pytest.mark.anyio
@values
async def test_fastapi_returns_it_declared_or_not_and_takes_it(value: Any) -> None:
    kind = type(value)
    app = fastapi.FastAPI()

    async def returned() -> Any:
        return value

    async def taken(body: Any) -> bool:
        return type(body) is kind and bool(body == value)

    # As `async def taken(body: Recording)` would say it.
    taken.__annotations__["body"] = kind
    app.get("/declared", response_model=kind)(returned)
    app.get("/undeclared")(returned)
    app.post("/taken")(taken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        for path in ("/declared", "/undeclared"):
            assert (await client.get(path)).json() == dataclasses.asdict(value)
        assert (await client.post("/taken", json=dataclasses.asdict(value))).json() is True
        assert kind.__name__ in (await client.get("/openapi.json")).json()["components"]["schemas"]


@values
def test_it_is_a_field_of_a_pydantic_model(value: Any) -> None:
    model = pydantic.create_model("Holder", it=(type(value), ...), more=(list[type(value)], []))
    held: Any = model(it=value, more=[value])
    assert held.it is value
    assert held.model_dump(mode="json") == {
        "it": dataclasses.asdict(value),
        "more": [dataclasses.asdict(value)],
    }
    assert model.model_validate_json(held.model_dump_json()) == held
    assert SECRET not in repr(held)
    assert TOKEN not in repr(held)


def test_a_wrong_field_is_the_models_error() -> None:
    adapter = pydantic.TypeAdapter(odyssey.ClientCredentials)
    with pytest.raises(pydantic.ValidationError, match="signaling_url"):
        adapter.validate_python({"signaling_url": "ftp://s", "session_token": TOKEN})


@pytest.mark.anyio
async def test_an_endpoint_that_is_annotated_with_documented_types() -> None:
    app = fastapi.FastAPI()

    @app.get("/recording")
    async def recording() -> odyssey.Recording:
        return VALUES[1]

    @app.post("/page")
    async def page(job: odyssey.SimulationJobDetail) -> odyssey.SimulationJobsList:
        return odyssey.SimulationJobsList([job], 1, 50, 0)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        assert (await client.get("/recording")).json()["video_url"] == URL
        found = (await client.post("/page", json=dataclasses.asdict(JOB))).json()["jobs"]
    # What is declared as a job in brief is shown in brief.
    assert found == [{field.name: getattr(JOB, field.name) for field in dataclasses.fields(BRIEF)}]
