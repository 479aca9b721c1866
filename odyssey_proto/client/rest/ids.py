"""Fresh names for exchanges, fetches, sockets and peers."""

from itertools import count

from odyssey_proto.seam.http import ExchangeId
from odyssey_proto.seam.inputs import FetchId, PeerId, SocketId


class Names:
    """Counts upwards, so that no name is given twice and a late notice can never be mistaken."""

    def __init__(self) -> None:
        self._exchanges = count(1)
        self._fetches = count(1)
        self._sockets = count(1)
        self._peers = count(1)

    def exchange(self) -> ExchangeId:
        """Returns a name for one request."""
        return ExchangeId(next(self._exchanges))

    def fetch(self) -> FetchId:
        """Returns a name for one try to load a file."""
        return FetchId(next(self._fetches))

    def socket(self) -> SocketId:
        """Returns a name for one WebSocket."""
        return SocketId(next(self._sockets))

    def peer(self) -> PeerId:
        """Returns a name for one peer connection."""
        return PeerId(next(self._peers))
