"""How the packets of a video came lately, and what that says of what limits it."""

from attrs import frozen

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.quality import LimitingFactor

QUEUE_MS, JITTER_MS = 60, 60
LOSS_SHARE, UNDECODED_SHARE, UNREAD_SHARE = 0.02, 0.1, 0.25

STREAMER_SECONDS = 1.0
"""After so long without a packet a streamer that still reports is said to be the reason."""
LINK_SECONDS = 2.0
"""After so long without anything the link is: reports come at least every 1.5 s."""


@frozen
class LinkFigures(Value):
    """How the packets of a video came in the last two seconds."""

    queue_ms: float = 0.0
    """How long each packet stood in line at least: the shortest way now, less the shortest before."""
    jitter_ms: float = 0.0
    """By how much the ways of packets differed: three of four are within this."""
    loss: float = 0.0
    """The share of packets that were lost at first, from 0 to 1."""
    undecoded: float = 0.0
    """The share of frames that came and were not decoded, from 0 to 1."""
    silence: float = 0.0
    """For how long no packet has come, in seconds."""
    unread: float = 0.0
    """The share of frames that were replaced by newer ones before they were read, from 0 to 1."""
    kbits: float = 0.0
    """How much comes, in kbit/s."""
    reduced: bool = False
    """Whether less is sent than before packets stood in line or were lost, seconds ago at most."""
    reports: bool = False
    """Whether a report of the streamer came while no packet did."""
    frame_rate: float = 0.0
    """How many frames came in a second."""

    @property
    def congested(self) -> bool:
        """Whether packets stand in line or are lost."""
        return self.queue_ms >= QUEUE_MS or self.loss >= LOSS_SHARE

    @property
    def limiting_factor(self) -> LimitingFactor | None:
        """What limits the video; `None` if nothing does, or it is too early to say."""
        if self.silence >= STREAMER_SECONDS:
            lost = LimitingFactor.LINK if self.silence >= LINK_SECONDS else None
            return LimitingFactor.STREAMER if self.reports else lost
        # A full line loses packets and delays them, and who sends less because of it leaves none.
        if self.queue_ms >= QUEUE_MS or self.reduced:
            return LimitingFactor.BANDWIDTH
        # Packets that overtake each other look lost for a while.
        if self.jitter_ms >= JITTER_MS:
            return LimitingFactor.JITTER
        if self.loss >= LOSS_SHARE:
            return LimitingFactor.LOSS
        if self.undecoded >= UNDECODED_SHARE:
            return LimitingFactor.DECODER
        return LimitingFactor.APPLICATION if self.unread >= UNREAD_SHARE else None
