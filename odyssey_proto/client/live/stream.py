"""
Stream control: start, interact, end, and everything the streamer says about them.

The table in `conversations.stream` says which message is allowed when; `PendingReplies` says to which
command a reply belongs.
Three situations need more than that, because a command can end before the streamer has done what it asked.

**A start that nobody wants any more.** Its caller was cancelled, or its deadline passed, but the streamer
will start the stream all the same, and a stream without an owner costs its user money and blocks the next.
So it is taken back: an end is sent for it, at once if the start is on its way, and again if the stream
starts after all; a start that went over signaling may be overtaken by its end.

**A start while the last stream ends.** A streamer that gets a start before it has confirmed the end is
confused (docs/protocol.md#stream-messages), so the start is deferred until the end is confirmed; its
deadline runs from the call.

**An end that comes again.** A streamer may confirm one end twice, and does so if it was asked twice: that
is why a second `EndStream` sends nothing while the first is on its way.
A stream that has not begun cannot end, so an end that arrives while a stream starts is about one before it,
and is ignored; only the first start of a session has none before it.

An error does not say what it is about.
`StreamFailed` carries what can be known: whether the stream is over (`ends`) and whether it ended a command
that was waiting (`answered`).
"""

from typing import assert_never

from attrs import frozen

from odyssey_proto.client.live.peer import Peer
from odyssey_proto.client.live.pending_replies import PendingReplies
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.conversations import Side
from odyssey_proto.conversations.stream import StreamState, stream_conversation
from odyssey_proto.kernel.failures import (
    ABANDONED,
    Failure,
    FailureKind,
    Phase,
    RemoteProtocolError,
    invalid,
    refused,
    timed_out,
)
from odyssey_proto.kernel.machine import Deadline, Instant, after, earliest, seconds
from odyssey_proto.messages import stream as wire
from odyssey_proto.messages.stream import InteractiveStreamEnd, InteractiveStreamStart, StreamMessage, Update
from odyssey_proto.model import events
from odyssey_proto.model.config import Timeouts
from odyssey_proto.model.events import BroadcastInfo
from odyssey_proto.seam.commands import CommandId, EndStream, Interact, StartStream
from odyssey_proto.seam.outputs import ChannelSend, Completed, Failed, Happened

MAX_TEXT = 64 * 1024
"""The longest message of the streamer that is read, in characters."""

BROADCAST_ERROR = "broadcast_error"
"""The reason of the one error that concerns spectators only (docs/protocol.md#stream-errors)."""


@frozen
class SendOnSignaling:
    """Send this start over the signaling connection."""

    message: InteractiveStreamStart


@frozen
class _DeferredStart:
    """A start that waits for the end of the last stream."""

    message: InteractiveStreamStart
    command: CommandId
    expires: Instant


type StreamCommand = StartStream | Interact | EndStream
type StreamOutput = ChannelSend | SendOnSignaling | Happened | Completed | Failed

_BUSY = {
    StreamState.STARTING: "a stream is already starting",
    StreamState.LIVE: "a stream is already running: end it first",
}


class Stream:
    """
    The streams of one session, one after another.

    They are controlled through `peer`, which changes when the streamer renews the media connection.
    """

    def __init__(self, timeouts: Timeouts, peer: Peer) -> None:
        self.peer = peer
        self.last_applied_prompt: str | None = None
        self._timeouts = timeouts
        self._conversation = stream_conversation(Side.CLIENT)
        self._starts = PendingReplies(Phase.START, seconds(timeouts.start))
        self._updates = PendingReplies(Phase.INTERACT, seconds(timeouts.interact))
        self._ends = PendingReplies(Phase.END, seconds(timeouts.end))
        self._all = (self._starts, self._updates, self._ends)
        self._deferred: _DeferredStart | None = None
        self._end_overdue = False
        self._starts_sent = 0
        self._owner: CommandId | None = None
        self._may_have_ended = False
        """Whether there was an error that may have ended the stream."""

    @property
    def state(self) -> StreamState:
        """Where the conversation stands."""
        return self._conversation.state

    @property
    def live(self) -> bool:
        """Whether a stream runs, as far as is known; an error that did not end it changes nothing."""
        return self.state is StreamState.LIVE or (
            self.state is StreamState.UNCERTAIN and not self._may_have_ended
        )

    # --- commands -------------------------------------------------------------------------------

    def control(
        self, now: Instant, command: CommandId, what: StreamCommand, *, takes_images: bool
    ) -> list[StreamOutput]:
        """
        Carries out a command; `takes_images` tells whether the streamer does.

        Raises `LocalProtocolError` if the state or a rule forbids it; then nothing has changed.
        """
        match what:
            case StartStream(image=str()) if not takes_images:
                raise invalid("the streamer of this session takes no images", "image.not_taken")
            case StartStream():
                return self._start(now, command, what)
            case Interact(prompt):
                return self._interact(now, command, Update(prompt))
            case EndStream():
                return self._end(now, command)
            case _:
                assert_never(what)

    def abandon(self, command: CommandId) -> list[StreamOutput] | None:
        """Ends a command whose caller is gone; `None` if it does not wait here."""
        failed = Failed(command, ABANDONED)
        if self._deferred is not None and self._deferred.command == command:
            self._deferred = None
            return [failed]
        if self._starts.give_up(command):
            return [failed, *self._take_back()]
        if command == self._owner:
            # The stream has started, but its caller was cancelled before the result reached it.
            self._owner = None
            return self._take_back()
        if self._updates.give_up(command) or self._ends.give_up(command):
            return [failed]
        return None

    def fail_all(self, failure: Failure) -> list[Completed | Failed]:
        """Fails every command that waits, because the session is over."""
        deferred, self._deferred = self._deferred, None
        first = [] if deferred is None else [Failed(deferred.command, failure.during(Phase.START))]
        return [*first, *self._fail_pending(failure)]

    def _start(self, now: Instant, command: CommandId, start: StartStream) -> list[StreamOutput]:
        message = InteractiveStreamStart(
            prompt=start.prompt,
            portrait=start.portrait,
            image=start.image,
            broadcast=start.broadcast,
            bypass_prompt_expansion=start.bypass_prompt_expansion,
        )
        ending = self.state is StreamState.ENDING
        if self._deferred is not None or not (ending or self._conversation.allows(message)):
            raise refused(_BUSY.get(self.state, "another start is already waiting"), "state.stream")
        expires = after(now, seconds(self._timeouts.start))
        if ending:
            self._deferred = _DeferredStart(message, command, expires)
            return []
        self._starts.add(command, expires)
        return self._send_start(message)

    def _interact(self, now: Instant, command: CommandId, update: Update) -> list[StreamOutput]:
        if not self._conversation.allows(update):
            raise refused("no stream is running: start one first", "state.stream")
        order = self._send(update)
        self._updates.add(command, after(now, seconds(self._timeouts.interact)))
        return [order]

    def _end(self, now: Instant, command: CommandId) -> list[StreamOutput]:
        end = InteractiveStreamEnd()
        if not self._conversation.allows(end):
            return [Completed(command)]
        # Also where nothing is sent the channel must be open, or no reply can come.
        order = self.peer.send(wire.encode(end))
        again = self.state is StreamState.ENDING
        self._ends.add(command, after(now, seconds(self._timeouts.end)))
        if again and not self._end_overdue:
            return []
        self._end_overdue = False
        self._conversation.advance(Side.CLIENT, end)
        return [order]

    # --- messages -------------------------------------------------------------------------------

    def on_message(self, now: Instant, text: str) -> list[StreamOutput]:
        """Takes one message of the streamer."""
        for replies in self._all:
            replies.forget_lost(now)
        try:
            if len(text) > MAX_TEXT:
                raise RemoteProtocolError(f"longer than {MAX_TEXT} characters")
            message = wire.decode(text)
            before = self.state
            late = isinstance(message, wire.StreamEnded) and before is StreamState.STARTING
            if late and self._starts_sent > 1:
                return []
            self._conversation.advance(Side.SERVER, message)
        except RemoteProtocolError as error:
            words = f"malformed stream message: {error}"
            failure = Failure(FailureKind.MALFORMED, words, code="stream.malformed")
            return [Happened(events.ErrorHappened(failure, fatal=False)), *self._misread(text, failure)]
        outputs = [*self._react(message, before), *self._send_deferred()]
        overtaken = before is StreamState.IDLE and self.state is StreamState.LIVE
        return [*outputs, *self._take_back()] if overtaken else outputs

    def _misread(self, text: str, failure: Failure) -> list[StreamOutput]:
        """Fails who waits for what a malformed message claims to be; a stream without an id is taken back."""
        match wire.type_of(text[:MAX_TEXT]):
            case wire.STARTED if failed := self._starts.fail_first(failure):
                return [*failed, *self._take_back()]
            case wire.ACKNOWLEDGED:
                return [*self._updates.fail_first(failure)]
            case _:
                return []

    def _react(self, message: StreamMessage, before: StreamState) -> list[StreamOutput]:
        match message:
            case wire.StreamStarted(stream_id, applied_prompt):
                self.last_applied_prompt = applied_prompt
                self._end_overdue = False
                self._may_have_ended = False
                served = self._starts.complete_first(stream_id)
                self._owner = served[0].command if served else None
                return [Happened(events.StreamStarted(stream_id, applied_prompt)), *served]
            case wire.UpdateAcknowledged(prompt):
                self.last_applied_prompt = prompt
                self._may_have_ended = False
                return [Happened(events.InteractAcknowledged(prompt)), *self._updates.complete_first(prompt)]
            case wire.StreamEnded():
                happened = [] if before is StreamState.IDLE else [Happened(events.StreamEnded())]
                ended = Failure(FailureKind.STREAM_ENDED, "the stream ended", code="stream.ended")
                return [*happened, *self._ends.complete_all(), *self._fail_pending(ended)]
            case wire.InteractiveStreamError():
                return self._failed(message)
            case wire.BroadcastReady():
                return [Happened(_broadcast(message))]
            case _:
                return []

    def _failed(self, error: wire.InteractiveStreamError) -> list[StreamOutput]:
        failure = wire.stream_failure(error)
        reason, words = wire.stream_words(error)
        failed = self._fail_pending(failure)
        ends: bool | None = None
        if self.state is StreamState.IDLE or failure.usage is not None:
            # A stream that was starting or ending is over; so is one that reached a limit.
            ends = True
        elif failed or reason == BROADCAST_ERROR:
            ends = False
        self._may_have_ended = self._may_have_ended or ends is not False
        return [Happened(events.StreamFailed(reason, words, failure, ends, answered=bool(failed))), *failed]

    def _fail_pending(self, failure: Failure) -> list[Completed | Failed]:
        # A deferred start belongs to the next stream and is not touched.
        return [output for replies in self._all for output in replies.fail_all(failure)]

    # --- time -----------------------------------------------------------------------------------

    def wake(self, now: Instant) -> list[StreamOutput]:
        """Fails the commands whose deadline has passed."""
        starts, updates, ends = (replies.expire(now) for replies in self._all)
        self._end_overdue = self._end_overdue or bool(ends)
        outputs: list[StreamOutput] = [*starts, *updates, *ends]
        if self._deferred is not None and self._deferred.expires <= now:
            late = timed_out(Phase.START, ("end of the last stream",))
            outputs.append(Failed(self._deferred.command, late))
            self._deferred = None
        return outputs + self._take_back() if starts else outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of a command that waits."""
        deadlines = [replies.deadline for replies in self._all]
        if self._deferred is not None:
            deadlines.append(Deadline(self._deferred.expires, ClientTimer.REPLY_TIMEOUT))
        return earliest(*deadlines)

    # --- sending --------------------------------------------------------------------------------

    def _send(self, message: StreamMessage) -> ChannelSend:
        order = self.peer.send(wire.encode(message))
        self._conversation.advance(Side.CLIENT, message)
        return order

    def _send_start(self, message: InteractiveStreamStart) -> list[StreamOutput]:
        self._starts_sent += 1
        # An image always goes over signaling, and so does what the channel cannot take
        # (docs/protocol.md#message-size, #messages-to-the-streamer).
        if message.image is None and self.peer.fits(wire.encode(message)):
            return [self._send(message)]
        self._conversation.advance(Side.CLIENT, message)
        return [SendOnSignaling(message)]

    def _send_deferred(self) -> list[StreamOutput]:
        deferred = self._deferred
        if deferred is None or not self._conversation.allows(deferred.message):
            return []
        self._deferred = None
        self._starts.add(deferred.command, deferred.expires)
        return self._send_start(deferred.message)

    def _take_back(self) -> list[StreamOutput]:
        """Ends a stream that was asked for and is not wanted any more."""
        end = InteractiveStreamEnd()
        under_way = self.state in (StreamState.STARTING, StreamState.LIVE, StreamState.UNCERTAIN)
        return [self._send(end)] if under_way and self.peer.fits(wire.encode(end)) else []


def _broadcast(message: wire.BroadcastReady) -> events.BroadcastReady | events.StreamFailed:
    if message.webrtc_url and message.spectator_token:
        token = message.spectator_token.reveal()
        return events.BroadcastReady(BroadcastInfo(message.hls_url, message.webrtc_url, token))
    fields = (("webrtc_url", message.webrtc_url), ("spectator_token", message.spectator_token))
    missing = " and ".join(name for name, value in fields if not value)
    text = f"broadcast_ready came without {missing}"
    failure = Failure(FailureKind.MALFORMED, text, code=BROADCAST_ERROR)
    return events.StreamFailed(BROADCAST_ERROR, text, failure, ends=False)
