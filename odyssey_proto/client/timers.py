"""Why a client wants to be woken: one list for all its parts, of sessions, calls, jobs and spectators."""

from enum import unique

from odyssey_proto.kernel.machine import Key


@unique
class ClientTimer(Key):
    """The timers of a client; those of one part that are due together fire in this order."""

    CALL_RETRY = "call_retry"
    CALL_TIMEOUT = "call_timeout"
    PINGS_TIMEOUT = "pings_timeout"
    PREPARATION_TIMEOUT = "preparation_timeout"
    UPKEEP = "upkeep"
    """What was prepared is kept from going stale."""
    QUEUE_POLL = "queue_poll"
    SIGNALING_TIMEOUT = "signaling_timeout"
    SIGNALING_RETRY = "signaling_retry"
    KEEPALIVE = "keepalive"
    ICE_CONFIG_TIMEOUT = "ice_config_timeout"
    NEGOTIATION_TIMEOUT = "negotiation_timeout"
    LOSS_EXPLANATION = "loss_explanation"
    """Signaling may still say why the peer is gone."""
    PEER_LOSS = "peer_loss"
    """A peer connection that was interrupted has not come back."""
    PATH_REQUEST = "path_request"
    PATH_GRACE = "path_grace"
    """A new connection works, and nothing came by those from before."""
    REPLY_TIMEOUT = "reply_timeout"
    STALL = "stall"
    STREAM_LIMIT = "stream_limit"
    CONNECTION_LIMIT = "connection_limit"
    LEAVE_TIMEOUT = "leave_timeout"
    PICTURE_TIMEOUT = "picture_timeout"
    """The stream of a session that takes the place of another shows nothing."""
    RECONNECT = "reconnect"
    RENEWAL = "renewal"
    JOB_TIMEOUT = "job_timeout"
    JOB_POLL = "job_poll"
    TRANSFER_TIMEOUT = "transfer_timeout"
    TRANSFER_SILENCE = "transfer_silence"
    TRANSFER_RETRY = "transfer_retry"
