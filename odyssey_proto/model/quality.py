"""What keeps a video from being better than it is."""

from enum import StrEnum, unique


@unique
class LimitingFactor(StrEnum):
    """What keeps a video from being better than it is."""

    BANDWIDTH = "bandwidth"
    """The network carries less than is sent, or than was sent before: packets stand in line, or did."""
    LOSS = "loss"
    """Packets are lost, though none stands in line."""
    JITTER = "jitter"
    """Packets take very different times."""
    LINK = "link"
    """Nothing comes at all, not even reports: the network or the other machine is gone."""
    STREAMER = "streamer"
    """The streamer reports that it lives, but sends no packets."""
    DECODER = "decoder"
    """What comes whole is not decoded: this machine is too slow for it."""
    APPLICATION = "application"
    """What is decoded is not taken in time: a newer frame replaces it."""
