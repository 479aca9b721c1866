"""The streamer's end of stream control: one reply for each request, and limits that strike."""

from enum import Enum, unique

from attrs import frozen

from odyssey_proto.conversations import Side
from odyssey_proto.conversations.stream import stream_conversation
from odyssey_proto.entropy import Entropy
from odyssey_proto.errors import RemoteProtocolError
from odyssey_proto.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.messages.stream import (
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamMessage,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.service.config import ServiceConfig
from odyssey_proto.service.faults import Faults, Moment, Swallow
from odyssey_proto.service.seam import Scene

MOST_PROMPTS = 64
"""A scene remembers so many prompts; of the older ones the first stays."""


@unique
class StreamerReason(Enum):
    """Why a streamer wants to be woken."""

    DURATION = "duration"


@frozen
class Reply:
    """Say this to the client."""

    message: StreamMessage


@frozen
class Shows:
    """Show this from now on."""

    scene: Scene | None


type StreamerOutput = Reply | Shows

_MOMENTS = {
    InteractiveStreamStart: Moment.START,
    Update: Moment.UPDATE,
    InteractiveStreamEnd: Moment.END,
}


class Streamer:
    """The streams of one session."""

    def __init__(self, config: ServiceConfig, entropy: Entropy, faults: Faults) -> None:
        self._config = config
        self._entropy = entropy
        self._faults = faults
        self._talk = stream_conversation(Side.SERVER)
        self._timers = Timers(StreamerReason)
        self._scene: Scene | None = None

    @property
    def deadline(self) -> Deadline | None:
        """The end of the stream's time."""
        return self._timers.deadline

    def heard(self, now: Instant, message: StreamMessage) -> list[StreamerOutput]:
        """Takes one message of the client."""
        moment = _MOMENTS.get(type(message))
        if moment is not None and self._faults.strike(Swallow, moment) is not None:
            return []
        try:
            self._talk.passes(Side.CLIENT, message)
        except RemoteProtocolError:
            return self._out_of_turn(message)
        match message:
            case InteractiveStreamStart():
                return self._start(now, message)
            case Update(prompt):
                return self._update(prompt)
            case InteractiveStreamEnd():
                return self._end()
            case _:
                return []

    def wake(self, now: Instant) -> list[StreamerOutput]:
        """Carries out whatever is due: the stream's time is over (protocol.md section 8)."""
        if self._timers.due(now) is None:
            return []
        limit = self._config.stream_seconds
        error = InteractiveStreamError("session_timeout", f"the stream reached its limit of {limit:g} s")
        return [*self._say(error), *self._end()]

    def _start(self, now: Instant, start: InteractiveStreamStart) -> list[StreamerOutput]:
        if self._moderated(start.prompt):
            return self._say(_MODERATED)
        stream_id = f"stream-{self._entropy.word(16)}"
        self._scene = Scene(stream_id, (start.prompt,), start.portrait, start.image)
        self._timers.set(StreamerReason.DURATION, after(now, seconds(self._config.stream_seconds)))
        applied = start.prompt if start.bypass_prompt_expansion else expanded(start.prompt)
        return [Shows(self._scene), *self._say(StreamStarted(stream_id, applied))]

    def _update(self, prompt: str) -> list[StreamerOutput]:
        if self._moderated(prompt) or self._scene is None:
            return self._say(_MODERATED)
        scene = self._scene
        kept = scene.prompts if len(scene.prompts) < MOST_PROMPTS else (scene.prompts[0], *scene.prompts[2:])
        self._scene = Scene(scene.stream_id, (*kept, prompt), scene.portrait, scene.image)
        return [Shows(self._scene), *self._say(UpdateAcknowledged(expanded(prompt)))]

    def _end(self) -> list[StreamerOutput]:
        self._timers.clear()
        self._scene = None
        return [Shows(None), *self._say(StreamEnded())]

    def _out_of_turn(self, message: StreamMessage) -> list[StreamerOutput]:
        match message:
            case InteractiveStreamEnd():
                # Exactly one reply for each request, also where there is nothing to end (section 17).
                return [Reply(StreamEnded())]
            case InteractiveStreamStart():
                text = "a stream is already running"
            case Update():
                text = "no stream is running"
            case _:
                return []
        # It is no part of the conversation: the stream that runs goes on as if nothing was said.
        return [Reply(InteractiveStreamError("invalid_state", text))]

    def _say(self, message: StreamMessage) -> list[StreamerOutput]:
        self._talk.passes(Side.SERVER, message)
        return [Reply(message)]

    def _moderated(self, prompt: str) -> bool:
        words = prompt.lower().split()
        return any(word in words for word in self._config.moderated)


_MODERATED = InteractiveStreamError("moderation_failed", "the prompt was refused by moderation")


def expanded(prompt: str) -> str:
    """Gives a prompt as the service would expand it."""
    return f"{prompt}, in soft light, gently moving" if prompt else prompt
