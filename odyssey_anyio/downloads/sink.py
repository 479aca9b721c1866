"""Where the bytes of a download go."""

from typing import Protocol

from odyssey_proto.model.recordings import FileVersion


class Sink(Protocol):
    """Where the bytes of one download go; the methods block, so a worker thread calls them."""

    def open(self) -> tuple[int, FileVersion | None]:
        """Opens it; returns how many bytes are there already, and what they are the beginning of."""
        ...

    def restart(self, version: FileVersion) -> None:
        """Drops what is there: what comes next is the beginning of `version`."""
        ...

    def append(self, data: bytes) -> None:
        """Adds bytes."""
        ...

    def finish(self) -> None:
        """The bytes are all there."""
        ...

    def close(self) -> None:
        """Lets go."""
        ...


class MemorySink:
    """Bytes that are kept in memory."""

    def __init__(self) -> None:
        self.data: bytearray = bytearray()

    def open(self) -> tuple[int, FileVersion | None]:
        """Nothing is there yet."""
        return 0, None

    def restart(self, version: FileVersion) -> None:
        """Drops what is there."""
        self.data.clear()

    def append(self, data: bytes) -> None:
        """Adds bytes."""
        self.data += data

    def finish(self) -> None:
        """There is nothing to do."""

    def close(self) -> None:
        """There is nothing to do."""
