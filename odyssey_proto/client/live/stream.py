"""Stream control: start, interact, end, and everything the streamer says about them."""

from typing import assert_never

from attrs import field, frozen

from odyssey_proto.client.live.pending_replies import PendingReplies
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.conversations import Side
from odyssey_proto.conversations.stream import StreamState, stream_conversation
from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, after, earliest, seconds
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages import stream as wire
from odyssey_proto.messages.stream import InteractiveStreamEnd, InteractiveStreamStart, StreamMessage, Update
from odyssey_proto.model import events
from odyssey_proto.model.broadcast import BroadcastInfo
from odyssey_proto.model.config import Timeouts
from odyssey_proto.seam.commands import CommandId, EndStream, Interact, StartStream
from odyssey_proto.seam.outputs import Completed, Failed, Happened


@frozen
class SayOnChannel:
    """Send this on the data channel."""

    text: str = field(repr=sized)


@frozen
class SayOnSignaling:
    """Send this start over the signaling connection."""

    message: InteractiveStreamStart


@frozen
class _Held:
    """A start that waits for the last stream to end."""

    message: InteractiveStreamStart
    command: CommandId
    expires: Instant


type StreamCommand = StartStream | Interact | EndStream
type StreamOutput = SayOnChannel | SayOnSignaling | Happened | Completed | Failed

BUSY = {
    StreamState.STARTING: "a stream is already starting",
    StreamState.LIVE: "a stream is already running: end it first",
}


class Stream:
    """
    The streams of one session, one after another.

    Replies are matched first come, first served.
    An error or the end of the stream finishes everyone who waits.
    A start that nobody waits for any more is taken back, so that no stream runs unowned.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._conversation = stream_conversation(Side.CLIENT)
        self._starts = PendingReplies(Phase.START, "stream_started", seconds(timeouts.start))
        self._updates = PendingReplies(Phase.INTERACT, "update_acknowledged", seconds(timeouts.interact))
        self._ends = PendingReplies(Phase.END, "stream_ended", seconds(timeouts.end))
        self._held: _Held | None = None
        self._overdue = False
        self._repeated = 0
        self._owner: CommandId | None = None
        self.last_applied_prompt: str | None = None

    @property
    def state(self) -> StreamState:
        """Where the conversation stands."""
        return self._conversation.state

    def control(
        self, now: Instant, command: CommandId, what: StreamCommand, limit: int | None, *, images: bool
    ) -> list[StreamOutput]:
        """
        Carries out a command; `LocalProtocolError` if the state or a rule forbids it.

        `limit` is the largest message for the data channel, `None` if it is shut; `images` tells
        whether the streamer takes any.
        """
        match what:
            case StartStream(image=str()) if not images:
                words = "the streamer of this session takes no images"
                raise LocalProtocolError(words, Failure(FailureKind.INVALID, words, code="image.not_taken"))
            case StartStream():
                return self._start(now, command, what, limit)
            case Interact():
                return self._interact(now, command, what, limit)
            case EndStream():
                return self._end(now, command, limit)
            case _:
                assert_never(what)

    def _start(
        self, now: Instant, command: CommandId, start: StartStream, limit: int | None
    ) -> list[StreamOutput]:
        """Starts a stream; while the last stream is still ending, the start waits for that."""
        message = InteractiveStreamStart(
            prompt=start.prompt,
            portrait=start.portrait,
            image=start.image,
            broadcast=start.broadcast,
            bypass_prompt_expansion=start.bypass_prompt_expansion,
        )
        ending = self.state is StreamState.ENDING
        if self._held is not None or not (ending or self._conversation.allows(message)):
            raise _refused(BUSY.get(self.state, "another start is already waiting"))
        expires = after(now, seconds(self._timeouts.start))
        if ending:
            self._held = _Held(message, command, expires)
            return []
        self._starts.add(command, expires)
        return self._say_start(message, limit)

    def _interact(
        self, now: Instant, command: CommandId, interact: Interact, limit: int | None
    ) -> list[StreamOutput]:
        """Sends a prompt."""
        message = Update(interact.prompt)
        if not self._conversation.allows(message):
            raise _refused("no stream is running: start one first")
        text = self._fitting(message, limit)
        self._conversation.advance(Side.CLIENT, message)
        self._updates.add(command, after(now, seconds(self._timeouts.interact)))
        return [SayOnChannel(text)]

    def _end(self, now: Instant, command: CommandId, limit: int | None) -> list[StreamOutput]:
        """
        Ends the stream; where none runs there is nothing to do.

        An end that is on its way already is waited for, not asked for again: its answer would count
        for the stream that comes next.
        """
        message = InteractiveStreamEnd()
        if not self._conversation.allows(message):
            return [Completed(command)]
        text = self._fitting(message, limit)
        again = self.state is StreamState.ENDING
        self._ends.add(command, after(now, seconds(self._timeouts.end)))
        if again and not self._overdue:
            return []
        self._repeated += again
        self._overdue = False
        self._conversation.advance(Side.CLIENT, message)
        return [SayOnChannel(text)]

    def abandon(self, command: CommandId, limit: int | None) -> list[StreamOutput] | None:
        """Ends a command whose caller is gone; `None` if it does not wait here."""
        failed = Failed(command, Failure(FailureKind.ABANDONED, "the caller was cancelled"))
        if self._held is not None and self._held.command == command:
            self._held = None
            return [failed]
        if self._starts.give_up(command):
            return [failed, *self._take_back(limit)]
        if command == self._owner:
            # The stream has started, but whoever asked for it never heard of that.
            self._owner = None
            return self._take_back(limit)
        if self._updates.give_up(command) or self._ends.give_up(command):
            return [failed]
        return None

    def on_message(self, now: Instant, text: str, limit: int | None) -> list[StreamOutput]:
        """Takes one message from the streamer."""
        for line in self._lines():
            line.forget(now)
        try:
            message = wire.decode(text)
            before = self.state
            if self._repeated and isinstance(message, wire.StreamEnded) and before is StreamState.STARTING:
                # The answer to an end that was asked for twice; the stream that starts is another.
                self._repeated -= 1
                return []
            self._conversation.advance(Side.SERVER, message)
        except RemoteProtocolError as error:
            failure = Failure(
                FailureKind.MALFORMED, f"malformed stream message: {error}", code="stream.malformed"
            )
            return [Happened(events.ErrorHappened(failure, fatal=False))]
        unwanted = before is StreamState.IDLE and self.state is StreamState.LIVE
        outputs = [*self._react(message, before), *self._release(limit)]
        # The end that took a start back went another way than the start, and overtook it.
        return [*outputs, *self._take_back(limit)] if unwanted else outputs

    def finish(self, failure: Failure) -> list[Completed | Failed]:
        """Fails everyone who waits, because the session is over."""
        held, self._held = self._held, None
        first = [] if held is None else [Failed(held.command, failure.during(Phase.START))]
        return [*first, *(output for line in self._lines() for output in line.fail_all(failure))]

    def wake(self, now: Instant, limit: int | None) -> list[StreamOutput]:
        """Carries out whatever is due."""
        late, overdue = self._starts.expire(now), self._ends.expire(now)
        self._overdue = self._overdue or bool(overdue)
        outputs: list[StreamOutput] = [*late, *self._updates.expire(now), *overdue]
        if self._held is not None and self._held.expires <= now:
            outputs.append(Failed(self._held.command, timed_out(Phase.START, ("end of the last stream",))))
            self._held = None
        return outputs + self._take_back(limit) if late else outputs

    @property
    def deadline(self) -> Deadline | None:
        """The earliest end of anyone's patience."""
        held = None if self._held is None else Deadline(self._held.expires, ClientTimer.REPLY_TIMEOUT)
        return earliest(*(line.deadline for line in self._lines()), held)

    def _lines(self) -> tuple[PendingReplies, PendingReplies, PendingReplies]:
        return self._starts, self._updates, self._ends

    def _react(self, message: StreamMessage, before: StreamState) -> list[StreamOutput]:
        match message:
            case wire.StreamStarted(stream_id, applied_prompt):
                self.last_applied_prompt = applied_prompt
                self._overdue, self._repeated = False, 0
                started = events.StreamStarted(stream_id, applied_prompt)
                served = self._starts.serve(stream_id)
                self._owner = served[0].command if served else None
                return [Happened(started), *served]
            case wire.UpdateAcknowledged(prompt):
                self.last_applied_prompt = prompt
                return [Happened(events.InteractAcknowledged(prompt)), *self._updates.serve(prompt)]
            case wire.StreamEnded():
                return self._ended(before)
            case wire.InteractiveStreamError():
                failure = wire.stream_failure(message)
                failed = events.StreamFailed(*wire.stream_words(message), failure)
                return [Happened(failed), *self._fail_current(failure)]
            case wire.BroadcastReady():
                return [Happened(_broadcast(message))]
            case _:
                return []

    def _ended(self, before: StreamState) -> list[StreamOutput]:
        ended = Failure(FailureKind.STREAM_ENDED, "the stream ended", code="stream.ended")
        happened = [] if before is StreamState.IDLE else [Happened(events.StreamEnded())]
        done = self._ends.serve_all(None)
        return [*happened, *done, *self._fail_current(ended)]

    def _fail_current(self, failure: Failure) -> list[Completed | Failed]:
        # A start that is held back belongs to the next stream and is not touched.
        return [output for line in self._lines() for output in line.fail_all(failure)]

    def _release(self, limit: int | None) -> list[StreamOutput]:
        held = self._held
        if held is None or not self._conversation.allows(held.message):
            return []
        self._held = None
        self._starts.add(held.command, held.expires)
        return self._say_start(held.message, limit)

    def _take_back(self, limit: int | None) -> list[StreamOutput]:
        """Ends a stream that was asked for and is not wanted any more."""
        if limit is None or self.state not in (StreamState.STARTING, StreamState.LIVE):
            return []
        message = InteractiveStreamEnd()
        self._conversation.advance(Side.CLIENT, message)
        return [SayOnChannel(wire.encode(message))]

    def _say_start(self, message: InteractiveStreamStart, limit: int | None) -> list[StreamOutput]:
        self._conversation.advance(Side.CLIENT, message)
        text = wire.encode(message)
        # An image always goes over signaling, and so does what the channel cannot take
        # (docs/protocol.md#message-size, #messages-to-the-streamer).
        fits = message.image is None and limit is not None and len(text.encode()) <= limit
        return [SayOnChannel(text) if fits else SayOnSignaling(message)]

    def _fitting(self, message: StreamMessage, limit: int | None) -> str:
        text = wire.encode(message)
        if limit is None:
            raise _refused("the data channel to the streamer is not open")
        size = len(text.encode())
        if size > limit:
            words = f"a message of {size} bytes is over the data channel's limit of {limit} bytes"
            failure = Failure(FailureKind.INVALID, words, code="message.too_large")
            raise LocalProtocolError(words, failure)
        return text


def _broadcast(message: wire.BroadcastReady) -> events.BroadcastReady | events.StreamFailed:
    absent = [
        name
        for name, value in (
            ("webrtc_url", message.webrtc_url),
            ("spectator_token", message.spectator_token),
        )
        if not value
    ]
    if message.webrtc_url and message.spectator_token:
        token = message.spectator_token.reveal()
        return events.BroadcastReady(BroadcastInfo(message.hls_url, message.webrtc_url, token))
    text = f"broadcast_ready came without {' and '.join(absent)}"
    failure = Failure(FailureKind.MALFORMED, text, code="broadcast_error")
    return events.StreamFailed("broadcast_error", text, failure)


def _refused(text: str) -> LocalProtocolError:
    return LocalProtocolError(text, Failure(FailureKind.STATE, text, code="state.stream"))
