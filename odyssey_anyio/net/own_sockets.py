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
import threading
from weakref import WeakKeyDictionary, ref

from odyssey_anyio.aio.tasks import current_loop, is_closed

_loops: "WeakKeyDictionary[socket.socket, ref[object]]" = WeakKeyDictionary()
"""Each connection, and the loop that it belongs to."""

_adopting = threading.Lock()


def adopt(connected: socket.socket) -> None:
    """Remembers a connection of the loop that is running, and closes those of loops that are closed."""
    # Loops of other threads connect as well.
    with _adopting:
        for left, of in list(_loops.items()):
            loop = of()
            if loop is None or is_closed(loop):
                left.close()
        _loops[connected] = ref(current_loop())


def _sever() -> None:
    global _adopting
    # Another thread of the parent may hold it for ever.
    _adopting = threading.Lock()
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for shared in list(_loops):
            if shared.fileno() >= 0:
                # Closing it would take it from the parent's selector, shutting it down from the server.
                os.dup2(nowhere, shared.fileno(), inheritable=False)
    finally:
        os.close(nowhere)


os.register_at_fork(after_in_child=_sever)
