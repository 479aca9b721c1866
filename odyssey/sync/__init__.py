"""
The client for programs without an event loop: scripts, threads, Flask, the REPL.

Each class here stands for the one of the same name in `odyssey`, with the same calls, which block.
Values, settings and errors are those of `odyssey`.
"""

from odyssey.sync.client import Odyssey
from odyssey.sync.deadline import fail_after
from odyssey.sync.diagnosis import diagnose
from odyssey.sync.handles import SimulationJob, SimulationProgress, StreamRecording
from odyssey.sync.iterators import EventStream, FrameReader, Pages
from odyssey.sync.spectator import SpectatorConnection, connect_to_stream
from odyssey.sync.stream import LiveStream, VideoRecorder

__all__ = (
    "EventStream",
    "FrameReader",
    "LiveStream",
    "Odyssey",
    "Pages",
    "SimulationJob",
    "SimulationProgress",
    "SpectatorConnection",
    "StreamRecording",
    "VideoRecorder",
    "connect_to_stream",
    "diagnose",
    "fail_after",
)
