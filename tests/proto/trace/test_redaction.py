"""What leaves the house: no secret, no address, no name of a host, and still a trace that holds."""

import base64
import json
from urllib.parse import quote

import pytest
from attrs import evolve
from core.canary_session import CANARIES, CREDENTIAL, HOSTS, JWT, KEY, MDNS, UFRAG, canary_session, exported
from core.traced_sessions import PICTURE, SETTINGS, giving, recorded
from house.fuzz import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.credentials import ClientCredentials, claims, session_id_of
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.commands import Call, Command, CommandId, Connect, ConnectWith, Interact, StartStream
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.testing.actions import Action, perform
from odyssey_proto.testing.by_hand import SETTINGS as BY_HAND
from odyssey_proto.testing.situations import Situation, reached
from odyssey_proto.testing.strategies.clients import actions, scripts, situations
from odyssey_proto.trace import Header, Recorder, TraceBuffer, difference, lines, read
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Images, Prompts, Redaction
from odyssey_proto.trace.redaction.redactor import redacted


def test_no_canary_leaves_the_house() -> None:
    trace = canary_session()
    before = "\n".join(lines(trace))
    assert [canary for canary in CANARIES if canary not in before and canary != MDNS] == []
    text = exported(trace, Redaction(prompts=Prompts.HASH))
    assert [canary for canary in CANARIES if canary in text] == []
    for canary in CANARIES:
        for form in (
            quote(canary, safe=""),
            json.dumps(canary)[1:-1],
            base64.b64encode(canary.encode()).decode(),
        ):
            assert form.lower() not in text.lower()
    assert UFRAG not in text


def test_the_exported_trace_is_read_and_replays() -> None:
    shared = redacted(canary_session(), fresh)
    again = read(lines(shared))
    assert again == shared
    assert again.header.redacted
    assert difference(again, fresh) is None


def test_redacting_twice_changes_nothing() -> None:
    for how in (Redaction(), Redaction(prompts=Prompts.HASH), Redaction(prompts=Prompts.DROP)):
        once = redacted(canary_session(), fresh, how)
        assert redacted(once, fresh, how) == once


def test_equal_things_get_equal_pseudonyms_and_different_ones_different_ones() -> None:
    text = exported(canary_session())
    assert "h1x" in text
    assert "h2x" in text
    settings, asked, *_ = (json.loads(line) for line in (text.split("\n")[0], text.split("\n")[2]))
    key = settings["trace"]["settings"]["api_key"]["$secret"]
    assert [len(part) for part in key.split("/")] == [len(part) for part in KEY.split("/")]
    assert asked["data"]["outputs"][1]["request"]["body"]["value"] == {
        "$map": [["api_key", {"$secret": key}]]
    }
    assert text.count(key) >= 4
    assert "192.0.2.1" in text
    assert "2001:db8::" in text


def test_a_token_keeps_its_claims_and_loses_its_signature() -> None:
    shared = redacted(canary_session(), fresh)
    token = next(
        value.reveal()
        for step in shared.steps
        for output in step.outputs
        if type(output).__name__ == "OpenSocket"
        for _, value in output.query
    )
    assert session_id_of(token) == "session-7"
    said = claims(token)
    assert said["iss"].endswith(".test")
    assert [*said] == ["session_id", "iss", [*said][2]]
    assert list(said.values())[2].startswith("192.0.2.")
    assert len(token.rpartition(".")[2]) == len(JWT.rpartition(".")[2])


@pytest.mark.parametrize("prompts", Prompts)
@pytest.mark.parametrize("images", Images)
def test_prompts_and_images_are_kept_hashed_or_dropped(prompts: Prompts, images: Images) -> None:
    shared = redacted(recorded(), fresh, Redaction(prompts=prompts, images=images))
    text = "\n".join(lines(shared))
    assert ("A cat" in text) == (prompts is Prompts.KEEP)
    assert ("Pet the cat" in text) == (prompts is Prompts.KEEP)
    assert ("prompt" + "4" in text or '"promp' in text) == (
        prompts is not Prompts.KEEP
    ) or prompts is Prompts.KEEP
    assert PICTURE[60:200] not in text
    assert ("<blob 9600 -" in text) == (images is Images.DROP)


@pytest.mark.parametrize("image", [PICTURE, "data:image/png;base64,iVBORw0KGgo="])
def test_a_step_says_that_an_image_was_left_out_where_that_is_so_and_nowhere_else(image: str) -> None:
    """The first start is refused, so that only the input of its step has the image."""
    start = StartStream("A cat", image=image)
    shared = redacted(recorded(giving([start, Connect(), start])), fresh)
    assert sum(step.condensed for step in shared.steps) > 1
    for step in shared.steps:
        written = "".join(lines(evolve(shared, steps=(step,))))
        assert step.condensed == ("<blob " in written)


def test_equal_prompts_stay_equal_when_hashed() -> None:
    script = giving(
        [Connect(), StartStream("A cat on a sofa"), Interact("Feed it now"), Interact("Feed it now")]
    )
    shared = redacted(recorded(script), fresh, Redaction(prompts="hash"))
    said = [
        step.inp.what.prompt for step in shared.steps if isinstance(getattr(step.inp, "what", None), Interact)
    ]
    assert len(said) == 2
    assert len(set(said)) == 1
    assert said[0].startswith("prompt")
    assert len(said[0]) == len("Feed it now")


def test_credentials_of_a_guest_are_secrets_too() -> None:
    trace = recorded(giving([ConnectWith(ClientCredentials(f"wss://{HOSTS[1]}", JWT))]))
    text = exported(trace)
    assert JWT.rpartition(".")[2] not in text
    assert HOSTS[1] not in text


def test_a_user_whose_name_is_a_word_of_ours_keeps_nothing_from_being_exported() -> None:
    server = IceServer(("turn:turn.example.org",), Secret("streamer"), Secret(CREDENTIAL))
    trace = recorded(config=ServiceConfig(ice_servers=(server,)))
    text = exported(trace)
    assert '\\"username\\":\\"streamer' not in text
    assert '\\"username\\":\\"' in text
    assert "Connecting to the streamer" in text
    assert "turn.example.org" not in text


def test_a_text_that_is_no_utf8_is_not_shown() -> None:
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    with pytest.raises(LocalProtocolError):
        client.step(Instant(0), Command(CommandId(1), Call("recordings.get", f"{KEY} \ud800")))
    (step,) = redacted(buffer.trace(), fresh).steps
    closed = step.inp.what.params
    assert (len(closed), closed[-2:]) == (len(KEY) + 2, " \ud800")
    assert "canary" not in closed


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations, scripts(actions, 25), st.sampled_from(Prompts))
def test_whatever_happens_can_be_exported(
    situation: Situation, script: list[Action], prompts: Prompts
) -> None:
    world = reached(situation)
    for action in script:
        perform(world, action)
    world.finish()
    buffer = TraceBuffer(Header(BY_HAND))
    client = Recorder(Client(BY_HAND), buffer.after, buffer.before)
    for step in world.steps:
        client.step(step.at, step.input)
    text = exported(buffer.trace(), Redaction(prompts=prompts))
    assert "ody_laws" not in text
    assert "example" not in text.replace("https://h", "")
