"""The audio of the local service: a track for each peer that plays the sound of its scene."""

import asyncio
from fractions import Fraction
from typing import Any

import numpy as np

from odyssey_anyio.local.audio.soundscape import CHANNELS, SAMPLE_RATE, Samples, soundscape
from odyssey_proto.service.io.film import Scene

FRAME_SAMPLES = 960
"""20 ms, as Opus is mostly sent."""

SILENCE: Samples = np.zeros((SAMPLE_RATE, CHANNELS), np.int16)
"""What is played while nothing is streamed."""


def sound_track() -> Any:
    """Returns a track of aiortc, with `show` for what is to be played."""
    from aiortc import MediaStreamTrack
    from aiortc.mediastreams import MediaStreamError
    from av import AudioFrame

    class SoundTrack(MediaStreamTrack):
        """Sound in real time; where the loop is late, what is due is sent at once."""

        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self._sound: Samples = SILENCE
            self._next = 0
            self._began: float | None = None
            self._scene: Scene | None = None

        def show(self, scene: Scene | None) -> None:
            self._scene = scene
            running = asyncio.get_running_loop()
            # In a thread: a second of processor time on a busy machine would hold up every stream.
            running.run_in_executor(None, self._compute, scene)

        def _compute(self, scene: Scene | None) -> None:
            sound = SILENCE if scene is None else soundscape(scene.prompts)
            if scene is self._scene:
                self._sound = sound

        async def recv(self) -> Any:
            running = asyncio.get_running_loop()
            if self._began is None:
                self._began = running.time()
            due = self._began + self._next / SAMPLE_RATE
            await asyncio.sleep(due - running.time())
            if self.readyState != "live":
                raise MediaStreamError
            sound = self._sound
            at = self._next % len(sound)
            samples = sound[at : at + FRAME_SAMPLES]
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts = SAMPLE_RATE, self._next
            frame.time_base = Fraction(1, SAMPLE_RATE)
            self._next += FRAME_SAMPLES
            return frame

    return SoundTrack()
