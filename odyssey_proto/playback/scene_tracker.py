"""What the video of a played session shows: a scene for its prompts, as the local service draws it."""

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import (
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamMessage,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.service.io.film import Scene
from odyssey_proto.service.io.seam import ServiceOutput, Show

MAX_WAITING_PROMPTS = 64
"""The most prompts that may wait for their acknowledgement."""


class SceneTracker:
    """Follows the messages about a stream."""

    def __init__(self) -> None:
        self._start = InteractiveStreamStart()
        self._prompts: list[str] = []
        self._scene: Scene | None = None

    def __repr__(self) -> str:
        return f"<SceneTracker {self._scene!r}>"

    def on_message(self, text: str) -> None:
        """Takes what the client sends."""
        match _read(text):
            case InteractiveStreamStart() as start:
                self._start = start
            case Update(prompt) if len(self._prompts) < MAX_WAITING_PROMPTS:
                self._prompts.append(prompt)
            case _:
                pass

    def on_reply(self, peer: PeerId, text: str) -> list[ServiceOutput]:
        """Takes what the server sends, and returns what its video shows from then on."""
        match _read(text):
            case StreamStarted(stream_id):
                start = self._start
                self._prompts.clear()
                self._scene = Scene(stream_id, (start.prompt,), start.portrait, start.image)
            case UpdateAcknowledged(prompt) if self._scene is not None:
                self._scene = self._scene.steered(self._prompts.pop(0) if self._prompts else prompt)
            case StreamEnded() | InteractiveStreamError():
                self._scene = None
            case _:
                return []
        return [Show(peer, self._scene)]


def _read(text: str) -> StreamMessage | None:
    try:
        return stream.decode(text)
    except RemoteProtocolError:
        return None
