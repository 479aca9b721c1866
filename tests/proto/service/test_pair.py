"""The real client against the service, in virtual time."""

from typing import Any

from odyssey_proto.client import Client
from odyssey_proto.commands import Connect, Disconnect, EndStream, Interact, StartStream
from odyssey_proto.secret import Secret
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.settings import Settings
from odyssey_proto.testing.pair import Pair


def pair(config: ServiceConfig | None = None, key: str = "ody_test", **more: Any) -> Pair:
    settings = Settings(api_url="http://localhost", api_key=Secret(key), seed=b"client")
    return Pair(Client(settings), Service(config or ServiceConfig(), seed=b"service"), **more)


def test_the_whole_story() -> None:
    both = pair()
    assert both.does(Connect()) is None
    stream_id = both.does(StartStream("A cat"))
    assert isinstance(stream_id, str)
    assert both.does(Interact("Pet the cat")) == "Pet the cat, in soft light, gently moving"
    assert both.does(Interact("Feed it")) == "Feed it, in soft light, gently moving"
    assert both.does(EndStream()) is None
    assert both.does(Disconnect()) is None
    scenes = [show.scene for show in both.shown]
    assert [scene and scene.prompts for scene in scenes] == [
        ("A cat",),
        ("A cat", "Pet the cat"),
        ("A cat", "Pet the cat", "Feed it"),
        None,
    ]
    assert {scene.stream_id for scene in scenes if scene} == {stream_id}
