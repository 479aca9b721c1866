"""Images in calls: where they go, and what happens before anything is sent."""

import base64
import json
from typing import Any

import pytest
from inmemory import World
from pictures import CORNERS, corners, file, quarters, read

from odyssey import Odyssey, OdysseyStreamError, OdysseyValueError, Start
from odyssey_proto.seam.http import json_reply

pytestmark = pytest.mark.anyio

PNG = file(quarters(), "PNG")
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.mark.parametrize("portrait", [True, False])
async def test_a_stream_starts_from_an_image_over_signaling(
    client: Odyssey, world: World, portrait: bool
) -> None:
    await client.connect()
    assert await client.start_stream("a", portrait, image=PNG) == world.stream_ids[0]
    assert world.image is not None
    pixels = read(world.image)
    assert pixels.shape == ((1280, 704, 3) if portrait else (704, 1280, 3))
    assert corners(pixels) == CORNERS
    with pytest.warns(DeprecationWarning, match="image_path"), pytest.raises(OdysseyStreamError):
        await client.start_stream("a", image_path="/nowhere")


async def test_a_bad_image_is_a_stream_error_and_a_value_error(client: Odyssey, world: World) -> None:
    await client.connect()
    with pytest.raises(OdysseyStreamError) as caught:
        await client.start_stream("a", image=b"garbage")
    assert isinstance(caught.value, ValueError)
    assert (caught.value.phase, caught.value.code) == ("start", "image.unknown_kind")
    assert "InteractiveStreamStart" not in world.received


async def test_a_streamer_that_takes_no_images_gets_none(client: Odyssey, world: World) -> None:
    world.replies["/sessions/request"] = json_reply({"session_id": "s-1", "signalling_url": "ws://signal"})
    await client.connect()
    with pytest.raises(OdysseyStreamError, match="takes no images") as caught:
        # Not even looked at: this file does not exist.
        await client.start_stream("a", image="/nowhere")
    assert caught.value.code == "image.not_taken"
    assert await client.start_stream("a")


async def test_without_a_connection_no_image_is_looked_at(client: Odyssey) -> None:
    with pytest.raises(OdysseyStreamError, match="not connected") as caught:
        await client.start_stream("a", image="/nowhere")
    assert caught.value.code == "state.not_connected"


@pytest.mark.parametrize(
    "start", [Start("a", image=URL), {"timestamp_ms": 0, "start": {"prompt": "a", "image": PNG}}]
)
async def test_a_script_has_its_images_in_the_size_of_its_video(
    client: Odyssey, world: World, start: Any
) -> None:
    world.replies["/simulation-jobs"] = json_reply({"detail": "enough"}, 400)
    with pytest.raises(ValueError, match="400"):
        await client.simulate([start, {"timestamp_ms": 900, "end": {}}], portrait=False)
    script = json.loads(world.bodies[-1])["script"]
    assert read(script[0]["start"]["image"]).shape == (704, 1280, 3)
    with pytest.raises(OdysseyValueError) as caught:
        await client.simulate([Start("a", image="data:,"), {"timestamp_ms": 900, "end": {}}])
    assert caught.value.code == "image.empty"
