"""Recorded sessions, made in memory and in virtual time."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from odyssey_proto.client import Client
from odyssey_proto.commands import Connect, Disconnect, EndStream, Interact, StartStream
from odyssey_proto.errors import LocalProtocolError
from odyssey_proto.machine import seconds
from odyssey_proto.secret import Secret
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.settings import Settings
from odyssey_proto.testing.pair import Pair
from odyssey_proto.trace import Header, Limits, Recorder, Tape, Trace

SETTINGS = Settings(
    api_url="https://api.odyssey.example",
    api_key=Secret("ody_0123456789abcdef"),
    seed=b"taped",
    wall=1_700_000_000_000_000,
)
"""The wall clock says the 14th of November 2023."""

PICTURE = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 400


class TapedClient(Recorder[Any, Any]):
    """A client that is recorded, with its attributes for whoever looks at them."""

    def __init__(self, client: Client, tape: Tape) -> None:
        super().__init__(client, tape.after, tape.before)
        self._client = client
        self.tape = tape

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def taped_pair(
    config: ServiceConfig | None = None, settings: Settings = SETTINGS, limits: Limits | None = None
) -> tuple[Pair, Tape]:
    """Gives a recorded client and a service, and the tape."""
    header = Header(settings, (("odyssey", "test"),), created=settings.wall)
    tape = Tape(header, limits or Limits())
    client: Any = TapedClient(Client(settings), tape)
    service = Service(config or ServiceConfig(), b"service", settings.wall)
    return Pair(client, service), tape


def good_session(pair: Pair) -> None:
    """Connects, streams, steers, ends and leaves."""
    pair.does(Connect())
    pair.does(StartStream("A cat", image=PICTURE))
    pair.frames()
    pair.run(seconds(3))
    pair.does(Interact("Pet the cat"))
    pair.does(EndStream())
    pair.does(Disconnect())


def told(commands: Iterable[Any]) -> Callable[[Pair], None]:
    """Gives a script that carries out commands one by one, refused ones included, and then leaves."""

    def run(pair: Pair) -> None:
        for what in (*commands, Disconnect()):
            with suppress(LocalProtocolError):
                pair.does(what, seconds(120))

    return run


def recorded(script: Callable[[Pair], None] = good_session, **how: Any) -> Trace:
    """Gives the recording of a session."""
    pair, tape = taped_pair(**how)
    script(pair)
    return tape.trace()
