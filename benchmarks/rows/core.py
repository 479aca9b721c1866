"""The core alone, on no loop: control messages from text to text, and an hour of a session replayed."""

import time

from benchmarks.benchmark import OURS, Benchmark, Figures, Row, Setting, Side

PROMPTS = 10_000
"""Each is one message to the streamer and its acknowledgement."""

HOUR_SECONDS = 3600
PROMPT_EVERY = 5
"""In the hour there is a prompt every so many seconds, and each second a report of frames."""


async def measured(setting: Setting) -> Figures:
    """Steers a stream whose streamer acknowledges at once, and replays an hour of a session."""
    return {"messages": _messages(setting.often(PROMPTS)), "replay": _replay(setting.often(HOUR_SECONDS))}


def _messages(prompts: int) -> float:
    from odyssey_proto.kernel.machine import Instant
    from odyssey_proto.messages import stream
    from odyssey_proto.messages.stream import FROM_STREAMER
    from odyssey_proto.seam.commands import Command, CommandId, Interact
    from odyssey_proto.seam.inputs import ChannelText
    from odyssey_proto.testing.by_hand import PEER
    from odyssey_proto.testing.situations import streaming

    world = streaming()
    client, now = world.client, world.now
    texts = [stream.encode(stream.UpdateAcknowledged(f"Prompt {number}")) for number in range(prompts)]
    began = time.perf_counter()
    for number, text in enumerate(texts):
        now = Instant(now + 1000)
        client.step(now, Command(CommandId(1000 + number), Interact(f"Prompt {number}")))
        _ = client.deadline
        client.step(now, ChannelText(PEER, FROM_STREAMER, text))
        _ = client.deadline
    return 2 * prompts / (time.perf_counter() - began)


def _replay(length: int) -> float:
    from odyssey_proto.client.client import Client
    from odyssey_proto.kernel.machine import seconds
    from odyssey_proto.messages import stream
    from odyssey_proto.seam.inputs import MediaSeen
    from odyssey_proto.testing.by_hand import PEER, SETTINGS
    from odyssey_proto.testing.situations import streaming
    from odyssey_proto.trace import Header, Limits, Recorder, TraceBuffer, difference

    world = streaming()
    for second in range(length):
        world.wait(seconds(1))
        world.media(MediaSeen(PEER, 20 * (second + 1)))
        if second % PROMPT_EVERY == 0:
            world.interact(f"Prompt {second}")
            world.streamer_says(stream.UpdateAcknowledged(f"Prompt {second}"))
    buffer = TraceBuffer(Header(SETTINGS), Limits(steps=100 * length + 100))
    recorder = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    for step in world.steps:
        recorder.step(step.at, step.input)
    trace = buffer.trace()
    began = time.perf_counter()
    found = difference(trace, Client)
    taken = time.perf_counter() - began
    if found is not None:
        raise RuntimeError(found.summary)
    return taken * 1000


BENCHMARKS = (
    Benchmark(
        "core",
        {OURS: Side(measured)},
        (
            Row("core: control messages a second, decoded, stepped, encoded", "messages", "1/s"),
            Row("core: a recorded hour replayed", "replay", "ms", limit=1000),
        ),
    ),
)
