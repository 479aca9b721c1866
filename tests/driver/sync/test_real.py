"""The client for programs without an event loop, with the local service: jobs, files, spectators, Flask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from odyssey import BroadcastReady, End, Start, mjpeg
from odyssey.sync import Odyssey, connect_to_stream, diagnose
from odyssey_anyio.local.service import in_thread, serve


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with in_thread(serve()) as service:
        yield service.url


@pytest.fixture(params=["asyncio", "trio"])
def client(url: str, request: pytest.FixtureRequest) -> Iterator[Odyssey]:
    with Odyssey("ody_test", api_url=url, backend=request.param) as client:
        yield client


def test_a_broadcast_a_recording_and_a_file(client: Odyssey, tmp_path: Path) -> None:
    client.connect()
    events = client.events()
    with client.record(tmp_path / "cat.mp4") as recorder, client.stream("A cat", broadcast=True) as stream:
        next(stream.frames())
        info = next(event.info for event in events if isinstance(event, BroadcastReady))
        with connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
            assert next(spectator.frames()).width == 704
            assert spectator.is_connected
        assert not spectator.is_connected
    assert (tmp_path / "cat.mp4").stat().st_size > 0
    assert recorder.frames > 0
    handle, progress = client.recording(stream.stream_id), list[Any]()
    assert handle.wait(every=0.05).ready
    path = handle.download(tmp_path, on_progress=progress.append)
    assert path.name == f"{stream.stream_id}.mp4"
    assert progress
    assert stream.stream_id in [line.stream_id for line in client.recordings(page=1)]
    client.close()
    assert client.save_trace(tmp_path / "trace.jsonl").stat().st_size > 0


def test_a_simulation(client: Odyssey) -> None:
    queued = client.simulate([Start("A cat"), End(at=0.2)])
    job, seen = client.simulation(queued), list[Any]()
    with_progress = list(job.progress(every=0.05))
    assert job.wait(every=0.05, on_progress=seen.append).job_id == queued.job_id
    assert with_progress[-1].job_id == queued.job_id
    assert [line.job_id for line in client.simulations(page=1)][:1] == [queued.job_id]
    left = job.progress()
    left.close()
    assert list(left) == []


def test_a_diagnosis(url: str) -> None:
    assert diagnose("ody_test", api_url=url, stream=False).ok


def test_flask_shows_the_picture(client: Odyssey) -> None:
    application, pictures = Flask("cat"), mjpeg(client, fps=100)
    application.add_url_rule("/cat", "cat", view_func=lambda: pictures.wsgi)
    application.add_url_rule("/pet", "pet", view_func=lambda: client.interact("Pet it"))
    viewer = application.test_client()
    assert viewer.get("/cat").status_code == 503
    client.connect()
    client.start_stream("A cat")
    shown = viewer.get("/cat")
    parts: Any = iter(shown.response)
    begun = next(parts)
    while b"image/jpeg" not in begun:
        begun += next(parts)
    # Until there is a picture, the head of its part grows.
    assert begun.startswith(b"--frame\r\n")
    assert viewer.get("/pet").text == client.last_applied_prompt
    client.disconnect()
    assert list(parts)[-1] == b"--frame--\r\n"
