"""Films are really drawn: their files decode to what was asked for, and can be had in parts."""

from pathlib import Path
from typing import Any

import anyio
import av
import httpx
import numpy as np
import pytest
from house.tcp_server import scripted

from odyssey_anyio.local.films.encoder import StoppedError, draw
from odyssey_anyio.local.service import LocalService, serve
from odyssey_anyio.local.video.marker import Marker, read
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import Film, Scene, Shot

SCRIPT = [
    {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
    {"timestamp_ms": 250, "interact": {"prompt": "at night"}},
    {"timestamp_ms": 500, "end": {}},
]


def film(portrait: bool = True, length: float = 0.5) -> Film:
    scene = Scene("s", ("A cat in a meadow",), portrait)
    later = Shot(seconds(length / 2), scene.steered("in space"))
    return Film("s", (Shot(Span(0), scene), later), seconds(length))


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.mark.parametrize(("portrait", "size"), [(True, (704, 1280)), (False, (1280, 704))])
def test_the_files_of_a_film(tmp_path: Path, portrait: bool, size: tuple[int, int]) -> None:
    sizes = draw(film(portrait), tmp_path, lambda: False)
    assert sizes == {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    whole, small = frames(tmp_path / "video.mp4"), frames(tmp_path / "preview.mp4")
    assert (len(whole), len(small)) == (12, 6)
    assert (whole[0].width, whole[0].height) == size
    assert (small[0].width, small[0].height) == (size[0] // 2, size[1] // 2)
    assert [round(frame.time, 4) for frame in whole] == [round(number / 24, 4) for number in range(12)]
    markers = [read(frame.to_ndarray(format="rgb24")) for frame in whole]
    assert markers == [Marker(number, round(number * 1000 / 24)) for number in range(12)]
    with av.open(str(tmp_path / "thumbnail.jpg")) as container:
        (thumbnail,) = container.decode(video=0)
    assert (thumbnail.width, thumbnail.height) == size


def test_the_same_film_always_gives_the_same_pictures_and_its_shots_differ(tmp_path: Path) -> None:
    videos = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        draw(film(length=2.0), tmp_path / name, lambda: False)
        videos.append(frames(tmp_path / name / "video.mp4"))
    one, two = ([frame.to_ndarray(format="gray").astype(int) for frame in video] for video in videos)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert np.abs(one[20] - one[-1]).mean() > 20


def test_a_film_that_nobody_wants_is_not_drawn_on(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    with pytest.raises(StoppedError):
        draw(film(), tmp_path, lambda: next(asked))


async def elsewhere(method: str, url: str, **options: Any) -> httpx.Response:
    """Asks by another library, off the loop."""
    return await anyio.to_thread.run_sync(
        lambda: httpx.request(method, url, trust_env=False, timeout=30, **options)
    )


async def entered(service: LocalService) -> dict[str, str]:
    """Returns the headers of somebody who may ask."""
    reply = await elsewhere("POST", f"{service.url}/auth/token", json={"api_key": "ody_test"})
    return {"authorization": f"Bearer {reply.json()['access_token']}"}


async def finished(service: LocalService, body: dict[str, Any]) -> dict[str, Any]:
    """Returns a job once it is over."""
    headers = await entered(service)
    reply = await elsewhere("POST", f"{service.url}/simulation-jobs", json=body, headers=headers)
    assert reply.status_code == 201
    with anyio.fail_after(30):
        while True:
            url = f"{service.url}/simulation-jobs/{reply.json()['job_id']}"
            job: dict[str, Any] = (await elsewhere("GET", url, headers=headers)).json()
            if job["status"] in ("completed", "failed"):
                return job
            await anyio.sleep(0.02)


@pytest.mark.anyio
async def test_a_job_makes_files_that_can_be_had_in_parts(tmp_path: Path) -> None:
    async with serve(ServiceConfig(job_pause=0.01)) as service:
        job = await finished(service, {"scripts": [SCRIPT, SCRIPT], "portrait": False})
        assert job["status"] == "completed"
        one, two = job["streams"]
        assert (one["frame_count"], one["duration_seconds"], two["script_index"]) == (12, 0.5, 1)
        whole = await elsewhere("GET", one["video_url"])
        assert whole.headers["content-type"] == "video/mp4"
        first = await elsewhere("GET", one["video_url"], headers={"range": "bytes=0-999"})
        rest = await elsewhere(
            "GET",
            one["video_url"],
            headers={"range": "bytes=1000-", "if-range": first.headers["etag"]},
        )
        assert (first.status_code, rest.status_code) == (206, 206)
        assert first.content + rest.content == whole.content
        events = await elsewhere("GET", two["events_url"])
        assert events.text.count("\n") == 3
        forged = one["video_url"].replace(one["stream_id"], two["stream_id"])
        assert (await elsewhere("GET", forged)).status_code == 403
    path = tmp_path / "video.mp4"
    path.write_bytes(whole.content)
    video = frames(path)
    assert (len(video), video[0].width, video[0].height) == (12, 1280, 704)


@pytest.mark.anyio
async def test_a_script_is_fetched_from_its_address() -> None:
    async def polite(stream: Any, number: int) -> None:
        await stream.receive()
        body = httpx.Request("POST", "http://x", json=SCRIPT).content
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with scripted(polite) as port:
        origin = f"http://127.0.0.1:{port}"
        config = ServiceConfig(job_pause=0.01, script_origins=[origin])
        async with serve(config) as service:
            job = await finished(service, {"script_url": f"{origin}/script.json"})
    async with serve(config) as service:
        lost = await finished(service, {"script_url": f"{origin}/script.json"})
    assert (job["status"], job["streams"][0]["frame_count"]) == ("completed", 12)
    assert (lost["status"], lost["error_message"]) == ("failed", "the script could not be loaded")


@pytest.mark.anyio
async def test_a_service_that_ends_stops_drawing() -> None:
    long = [SCRIPT[0], {"timestamp_ms": 600_000, "end": {}}]
    async with serve(ServiceConfig(job_pause=0.01)) as service:
        headers = await entered(service)
        body = {"script": long}
        reply = await elsewhere("POST", f"{service.url}/simulation-jobs", json=body, headers=headers)
        url = f"{service.url}/simulation-jobs/{reply.json()['job_id']}"
        with anyio.fail_after(20):
            while (await elsewhere("GET", url, headers=headers)).json()["status"] != "processing":
                await anyio.sleep(0.01)
