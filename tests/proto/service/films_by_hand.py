"""Recordings of a service by hand, and their files."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.messages.stream import InteractiveStreamEnd, InteractiveStreamStart, StreamStarted, Update
from odyssey_proto.model.recordings import Recording
from odyssey_proto.service.io.film import KINDS, VIDEO, Film
from odyssey_proto.service.io.seam import Render, Rendered, SendFile
from tests.proto.service.service_by_hand import ServiceByHand, streamed

SIZES = tuple((name, 1000) for name in KINDS)


def renders(outputs: list[Any]) -> list[Film]:
    return [output.film for output in outputs if isinstance(output, Render)]


def recorded(guest: ServiceByHand) -> str:
    """Lives through one stream of two seconds and returns its id."""
    host = guest.ready()
    (started,) = streamed(host.streams(InteractiveStreamStart("A cat", portrait=False)))
    assert isinstance(started, StreamStarted)
    guest.wait(0.5)
    host.streams(Update("Pet it"))
    guest.wait(1.5)
    host.streams(InteractiveStreamEnd())
    return started.stream_id


def recording(guest: ServiceByHand, name: str) -> Recording:
    found = GET_RECORDING.decode_reply(guest.reply("GET", f"/recordings/{name}"))
    assert isinstance(found, Recording)
    return found


def fetched(
    guest: ServiceByHand, url: str | None, headers: dict[str, str] | None = None, method: str = "GET"
) -> Any:
    """Asks for a file by its address; returns the outputs."""
    parts = urlsplit(url or "")
    found: list[Any] = []
    plain = guest.step
    guest.step = lambda inp: found.extend(plain(inp)) or found  # type: ignore[method-assign]  # to see everything
    try:
        guest.ask(method, parts.path, headers=headers, query=dict(parse_qsl(parts.query)))
    finally:
        guest.step = plain  # type: ignore[method-assign]  # as it was
    return found


def kept(**config: Any) -> tuple[ServiceByHand, Recording]:
    """A guest with a recording that is drawn."""
    guest = ServiceByHand(**config)
    name = recorded(guest)
    (film,) = renders(fetched(guest, recording(guest, name).video_url))
    sends = [one for one in guest.step(Rendered(film.stream_id, SIZES)) if isinstance(one, SendFile)]
    assert [(one.name, one.start, one.length, one.reply.status) for one in sends] == [(VIDEO, 0, 1000, 200)]
    return guest, recording(guest, name)
