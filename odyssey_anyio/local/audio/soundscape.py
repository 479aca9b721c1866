"""
What a scene sounds like: a chord that swells, and wind; the same prompts always sound the same.

A loop of some seconds is computed once for each scene and then read round and round, so that sound costs
next to nothing.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
CHANNELS = 2

LOOP_SECONDS = 4
"""Every pitch fits a whole number of times into it, so that there is no click where it begins again."""

LOUDNESS = 6000
"""The greatest sample, of 32767."""

_ROOTS = (110, 124, 131, 147, 165, 175, 196)
"""The lowest pitch of a chord, in hertz."""

_CHORDS = ((1, 1.5, 2, 2.5), (1, 1.25, 1.5, 2), (1, 1.2, 1.5, 2.25))
"""The pitches of a chord, as multiples of the lowest."""

type Samples = NDArray[np.int16]
"""(samples, channels)."""


def soundscape(prompts: tuple[str, ...]) -> Samples:
    """Returns the loop for the prompts of a scene; the newest decides."""
    seed = zlib.crc32(prompts[-1].encode(errors="replace")) if prompts else 0
    count = SAMPLE_RATE * LOOP_SECONDS
    turns = np.arange(count) / count * 2 * np.pi
    root, chord = _ROOTS[seed % len(_ROOTS)], _CHORDS[seed // 7 % len(_CHORDS)]
    sound = np.zeros((count, CHANNELS))
    for voice, multiple in enumerate(chord):
        tone = np.sin(turns * round(root * multiple * LOOP_SECONDS))
        # Each voice swells at its own time and stands at its own place between left and right.
        swell = 0.6 + 0.4 * np.sin(turns * (1 + voice % 2) + voice)
        place = (voice + 1) / (len(chord) + 1)
        sound += (tone * swell / (1 + voice))[:, None] * (1 - place, place)
    wind = np.random.default_rng(seed).normal(0, 0.15, (count // 8, CHANNELS)).repeat(8, axis=0)
    sound += wind * (0.5 + 0.5 * np.cos(turns))[:, None]
    loop: Samples = (sound / np.abs(sound).max() * LOUDNESS).astype(np.int16)
    return loop
