"""Why the local service wants to be woken: one list for all its parts."""

from enum import Enum, unique


@unique
class ServiceTimer(Enum):
    """The timers of the service; those of one part that are due together fire in this order."""

    LATE_ANSWER = "late_answer"
    """An answer that the plan of faults delays."""
    SESSION_UNCLAIMED = "session_unclaimed"
    """Nobody came for a session that was granted."""
    CONNECTION_LIMIT = "connection_limit"
    CLIENT_IDLE = "client_idle"
    NEGOTIATION_TIMEOUT = "negotiation_timeout"
    PEER_LOSS = "peer_loss"
    HELD_MESSAGES = "held_messages"
    """Messages that the plan of faults holds back."""
    BROADCAST_LIMIT = "broadcast_limit"
    STREAM_LIMIT = "stream_limit"
    VIEWER_LOST = "viewer_lost"
    JOB_STEP = "job_step"
