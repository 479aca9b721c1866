"""
Names in .invalid, which nobody has (RFC 6761 section 6.4), are unknown at once.

Where packets to a name server are dropped, it takes many seconds to learn that.
"""

import socket
from typing import Any

import pytest


def refuse_invalid_names(patch: pytest.MonkeyPatch) -> None:
    """Lets no look-up of a name in .invalid reach a name server, whichever loop it comes from."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.encode() if isinstance(host, str) else host or b""
        if name.rstrip(b".").endswith(b".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **named)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
