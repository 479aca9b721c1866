"""Fresh ids for exchanges, fetches, sockets and peers."""

from itertools import count

from odyssey_proto.seam.http import ExchangeId
from odyssey_proto.seam.inputs import FetchId, PeerId, SocketId


class IdSource:
    """Counts upwards: no id is given twice, so what comes late is never taken for something new."""

    def __init__(self) -> None:
        self._exchanges = count(1)
        self._fetches = count(1)
        self._sockets = count(1)
        self._peers = count(1)

    def exchange(self) -> ExchangeId:
        """Returns an id for one request."""
        return ExchangeId(next(self._exchanges))

    def fetch(self) -> FetchId:
        """Returns an id for one try to load a file."""
        return FetchId(next(self._fetches))

    def socket(self) -> SocketId:
        """Returns an id for one WebSocket."""
        return SocketId(next(self._sockets))

    def peer(self) -> PeerId:
        """Returns an id for one peer connection."""
        return PeerId(next(self._peers))
