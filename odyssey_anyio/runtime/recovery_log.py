"""What the log says when a session is lost and replaced."""

import logging

from odyssey_proto.model.events import Event, Reconnecting, Renewed, Restored

logger: logging.Logger = logging.getLogger("odyssey.client")


def log_recovery(event: Event) -> None:
    """Writes a line if an event is about a session that is replaced; no secret and no prompt is in it."""
    match event:
        case Reconnecting(cause, attempt, delay):
            logger.warning("reconnecting, attempt %d in %.1f s: %s", attempt, delay, cause.message)
        case Restored(session_id, stream_id, attempts, seconds):
            stream = f", stream {stream_id}" if stream_id is not None else ""
            text = "restored after %.1f s, attempt %d: session %s%s"
            logger.info(text, seconds, attempts, session_id, stream)
        case Renewed(session_id):
            logger.info("renewed ahead of a limit: session %s", session_id)
        case _:
            pass
