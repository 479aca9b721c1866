"""How a part of the service refuses: by the reply itself."""

from typing import Any

from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import HttpReply, json_reply


class Refused(Exception):  # noqa: N818  # it is a reply on its way, not an error of the service
    """A request is refused with `reply`; it stays inside the service."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(f"refused with status {reply.status}")
        self.reply = reply


def refused(status: int, detail: Any) -> Refused:
    """Returns the refusal that says `detail` (docs/protocol.md#rest)."""
    return Refused(detail_reply(status, detail))


def schema_refused(message: str) -> Refused:
    """Returns the refusal of a request whose form is wrong, as FastAPI words it, without its input."""
    complaint = {"type": "value_error", "loc": ["body"], "msg": message}
    return Refused(json_reply({"detail": [complaint]}, 422))
