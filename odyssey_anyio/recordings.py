"""What was recorded: the calls, and all pages of the list."""

from odyssey_anyio.pages import Pages, Part
from odyssey_anyio.rest import RestCalls, identifier, made
from odyssey_proto.commands import Call
from odyssey_proto.messages.paging import MOST, Page
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList


class RecordingCalls(RestCalls):
    """The calls about recordings."""

    async def get_recording(self, stream_id: str) -> Recording:
        """Gives where the files of a recorded stream are; the addresses are good for about an hour."""
        recording: Recording = await self._do(Call(GET_RECORDING.name, identifier(stream_id, "stream_id")))
        return recording

    async def list_stream_recordings(
        self, limit: int | None = None, offset: int | None = None
    ) -> StreamRecordingsList:
        """Gives one page of the account's recordings, the most recent first."""
        page = made(lambda: Page(limit, offset))
        found: StreamRecordingsList = await self._do(Call(LIST_STREAM_RECORDINGS.name, page))
        return found

    def recordings(self, page: int = MOST) -> Pages[StreamRecordingInfo]:
        """Gives all the account's recordings, the most recent first, `page` at a time."""
        made(lambda: Page(page))

        async def load(offset: int) -> Part[StreamRecordingInfo]:
            found = await self.list_stream_recordings(page, offset)
            return Part(found.recordings, found.total)

        return Pages(load, lambda line: line.stream_id)
