"""
The sockets of this process's clients: what becomes of them where nobody closes them.

A forked child has a copy of everything, and shares the connections: whatever its copy of a client does at
its end, on its way out of a block or because its copy of the loop ends, would be said to the server in the
parent's name. So in a child these descriptors lead nowhere, and a `Dialer` opens no others.

A loop that is closed under a client leaves its connections open, and nobody is there to close them: they are
closed by the next client that opens one.
"""

import os
import socket
from weakref import WeakKeyDictionary, WeakSet, ref

from odyssey_anyio.aio.tasks import current_loop, is_closed

_sockets: "WeakSet[socket.socket]" = WeakSet()
_loops: "WeakKeyDictionary[socket.socket, ref[object]]" = WeakKeyDictionary()


def adopt(connected: socket.socket) -> None:
    """Remembers a connection of the loop that is running, and closes those of loops that are closed."""
    for left in list(_sockets):
        loop = _loops[left]()
        if loop is None or is_closed(loop):
            left.close()
    _sockets.add(connected)
    _loops[connected] = ref(current_loop())


def _sever() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for shared in _sockets:
            if shared.fileno() >= 0:
                # Closing it would take it from the parent's selector, shutting it down from the server.
                os.dup2(nowhere, shared.fileno(), inheritable=False)
    finally:
        os.close(nowhere)


os.register_at_fork(after_in_child=_sever)
