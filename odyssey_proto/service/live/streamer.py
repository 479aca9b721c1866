"""
The streamer's end of stream control: one reply to each request.

The wire: docs/protocol.md#stream-messages, #a-compatible-server.
"""

from typing import Literal, assert_never

from attrs import frozen

from odyssey_proto.conversations import Side
from odyssey_proto.conversations.stream import stream_conversation
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, seconds
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import (
    FROM_STREAMER,
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamMessage,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.seam.outputs import ChannelSend
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import FailStream, Faults, Late, Moment, Swallow
from odyssey_proto.service.io.film import Scene
from odyssey_proto.service.io.seam import Noted, ServiceOutput, Show
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.live.broadcasts import Broadcasts
from odyssey_proto.service.live.moderation import objection, prompt_objection

ID_LENGTH = 24

MAX_UNSAID = 64
"""The most replies that may wait for the channel to open."""

type _Timer = Literal[ServiceTimer.HELD_MESSAGES, ServiceTimer.BROADCAST_LIMIT, ServiceTimer.STREAM_LIMIT]


@frozen
class Streamers:
    """What the streamers of one client are made with."""

    config: ServiceConfig
    entropy: Entropy
    faults: Faults
    broadcasts: Broadcasts
    authority: str
    """The host and port by which the client found the service."""

    def on(self, peer: PeerId) -> "Streamer":
        """Returns a streamer for a peer connection."""
        return Streamer(peer, self)


class Streamer:
    """The streams of one peer connection, one after another."""

    def __init__(self, peer: PeerId, means: Streamers) -> None:
        self.peer = peer
        self._means = means
        self._config = means.config
        self._entropy = means.entropy
        self._faults = means.faults
        self._conversation = stream_conversation(Side.SERVER)
        self._timers: Timers[_Timer] = Timers()
        self._scene: Scene | None = None
        self._open = False
        self._unsaid: list[ServiceOutput] = []

    def __repr__(self) -> str:
        return f"<Streamer {self._conversation.state.name} on peer {self.peer}>"

    def opened(self) -> list[ServiceOutput]:
        """The channel to the client is open: says what waited for it."""
        self._open = True
        return self._catch_up()

    def shut(self) -> None:
        """The channel to the client is closed."""
        self._open = False

    def on_message(self, now: Instant, message: StreamMessage) -> list[ServiceOutput]:
        """Takes one message of the client."""
        match message:
            case InteractiveStreamStart():
                return self._start(now, message)
            case Update():
                return self._update(now, message)
            case InteractiveStreamEnd():
                return self._end(now, message)
            case _:
                return [Noted(f"ignored {type(message).__name__} from the client")]

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Carries out one thing that is due."""
        due = self._timers.due(now)
        if due is None:
            return []
        match due:
            case ServiceTimer.HELD_MESSAGES:
                return self._catch_up()
            case ServiceTimer.BROADCAST_LIMIT:
                return self._broadcast()
            case ServiceTimer.STREAM_LIMIT:
                return self._time_over()
            case _:
                assert_never(due)

    @property
    def crowded(self) -> bool:
        """Whether too much waits for a channel that does not open."""
        return len(self._unsaid) > MAX_UNSAID

    @property
    def deadline(self) -> Deadline | None:
        """The end of the stream's time, or of a silence that a fault made."""
        return self._timers.deadline

    # --- requests -------------------------------------------------------------------------------

    def _start(self, now: Instant, start: InteractiveStreamStart) -> list[ServiceOutput]:
        if self._scene is not None or not self._conversation.allows(start, Side.CLIENT):
            return self._out_of_turn("a stream is running or ending")
        self._conversation.advance(Side.CLIENT, start)
        failed = self._fails(Moment.START) or objection(start, self._config)
        if failed is not None:
            return self._reply(now, Moment.START, failed)
        self._scene = Scene(self._entropy.word(ID_LENGTH), (start.prompt,), start.portrait, start.image)
        self._timers.set(ServiceTimer.STREAM_LIMIT, after(now, seconds(self._config.stream_seconds)))
        if start.broadcast:
            self._timers.set(
                ServiceTimer.BROADCAST_LIMIT, after(now, seconds(self._config.broadcast_seconds))
            )
        applied = start.prompt if start.bypass_prompt_expansion else expanded(start.prompt)
        started = StreamStarted(self._scene.stream_id, applied)
        return [Show(self.peer, self._scene), *self._reply(now, Moment.START, started)]

    def _update(self, now: Instant, update: Update) -> list[ServiceOutput]:
        if self._scene is None or not self._conversation.allows(update, Side.CLIENT):
            return self._out_of_turn("there is no stream to update")
        self._conversation.advance(Side.CLIENT, update)
        failed = self._fails(Moment.UPDATE) or prompt_objection(update.prompt, self._config)
        if failed is not None:
            return self._reply(now, Moment.UPDATE, failed)
        self._scene = self._scene.steered(update.prompt)
        acknowledged = UpdateAcknowledged(expanded(update.prompt))
        return [Show(self.peer, self._scene), *self._reply(now, Moment.UPDATE, acknowledged)]

    def _end(self, now: Instant, end: InteractiveStreamEnd) -> list[ServiceOutput]:
        # An end without a stream is answered as well: some clients would wait for ever
        # (docs/protocol.md#a-compatible-server).
        if self._conversation.allows(end, Side.CLIENT):
            self._conversation.advance(Side.CLIENT, end)
        return [*self._stop(), *self._reply(now, Moment.END, self._fails(Moment.END) or StreamEnded())]

    def _stop(self) -> list[ServiceOutput]:
        """Ends the stream, if there is one."""
        shown = self._scene is not None
        self._scene = None
        self._timers.stop(ServiceTimer.STREAM_LIMIT, ServiceTimer.BROADCAST_LIMIT)
        return [Show(self.peer, None)] if shown else []

    def _broadcast(self) -> list[ServiceOutput]:
        """Tells the host where spectators can watch (docs/protocol.md#broadcast)."""
        assert self._scene is not None, "the end of a stream stops its timers"
        means = self._means
        return self._say(means.broadcasts.open(self._scene.stream_id, self.peer, means.authority))

    def _time_over(self) -> list[ServiceOutput]:
        """Ends a stream that reached its limit (docs/protocol.md#limits)."""
        limit = self._config.stream_seconds
        over = InteractiveStreamError("session_timeout", f"the stream reached its limit of {limit:g} s")
        return [*self._say(over), *self._stop(), *self._say(StreamEnded())]

    # --- replies --------------------------------------------------------------------------------

    def _fails(self, at: Moment) -> InteractiveStreamError | None:
        fault = self._faults.strike(FailStream, at=at)
        return None if fault is None else InteractiveStreamError(fault.reason, fault.message)

    def _reply(self, now: Instant, at: Moment, message: StreamMessage) -> list[ServiceOutput]:
        if self._faults.strike(Swallow, at=at) is not None:
            return []
        late = self._faults.strike(Late, at=at)
        usual = self._config.reply_seconds if at is not Moment.END else None
        patience = usual if late is None else late.seconds
        if patience is not None:
            self._timers.set(ServiceTimer.HELD_MESSAGES, after(now, seconds(patience)))
        return self._say(message)

    def _out_of_turn(self, text: str) -> list[ServiceOutput]:
        # It is no part of the conversation: a stream that runs goes on as if nothing was said.
        return self._send(InteractiveStreamError("invalid_state", text))

    def _say(self, message: StreamMessage) -> list[ServiceOutput]:
        self._conversation.advance(Side.SERVER, message)
        return self._send(message)

    def _send(self, message: StreamMessage) -> list[ServiceOutput]:
        self._unsaid.append(ChannelSend(self.peer, FROM_STREAMER, stream.encode(message)))
        return self._catch_up()

    def _catch_up(self) -> list[ServiceOutput]:
        """Sends the messages that wait, in order, if they may be sent."""
        # Some peers lose their transport by a reply before the channel is open
        # (docs/protocol.md#data-channels).
        if not self._open or self._timers.armed(ServiceTimer.HELD_MESSAGES):
            return []
        said, self._unsaid = self._unsaid, []
        return said


def expanded(prompt: str) -> str:
    """Returns a prompt as this service expands it."""
    return f"{prompt}, in soft light, gently moving" if prompt else prompt
