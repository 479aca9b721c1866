"""Two-phase connecting: who has the API key reserves a session, who has not joins it."""

from odyssey_anyio.api import arguments
from odyssey_anyio.api.readers import ReaderCalls
from odyssey_anyio.api.rest import RestCalls
from odyssey_anyio.events.handlers import (
    AudioFrameCallback,
    BroadcastReadyCallback,
    ConnectedCallback,
    ConnectHandlers,
    DisconnectedCallback,
    ErrorCallback,
    InteractAcknowledgedCallback,
    StatusChangeCallback,
    StreamEndedCallback,
    StreamErrorCallback,
    StreamStartedCallback,
    VideoFrameCallback,
)
from odyssey_anyio.media.delivery import Policy
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import MintCredentials


class CredentialCalls(ReaderCalls, RestCalls):
    """The calls of both sides: who reserves a session, and who joins it."""

    async def connect_with_credentials(
        self,
        credentials: ClientCredentials,
        on_connected: ConnectedCallback | None = None,
        on_disconnected: DisconnectedCallback | None = None,
        on_video_frame: VideoFrameCallback | None = None,
        on_stream_started: StreamStartedCallback | None = None,
        on_stream_ended: StreamEndedCallback | None = None,
        on_interact_acknowledged: InteractAcknowledgedCallback | None = None,
        on_broadcast_ready: BroadcastReadyCallback | None = None,
        on_stream_error: StreamErrorCallback | None = None,
        on_error: ErrorCallback | None = None,
        on_status_change: StatusChangeCallback | None = None,
        *,
        frame_policy: Policy | None = None,
        on_audio_frame: AudioFrameCallback | None = None,
        audio_policy: Policy | None = None,
    ) -> None:
        """
        Opens the session that somebody with the API key reserved; otherwise like `connect`.

        `credentials` are those of `create_client_credentials`; the handlers are fields of
        `OdysseyEventHandlers`, and `frame_policy` and `audio_policy` are those of `connect`.
        Raises `OdysseyAuthError` for a token that is refused or expired, otherwise `OdysseyConnectionError`.

        Example:
            ```python
            await client.connect_with_credentials(ClientCredentials.from_dict(form))
            ```
        """
        handlers = ConnectHandlers(
            on_connected,
            on_disconnected,
            on_video_frame,
            on_stream_started,
            on_stream_ended,
            on_interact_acknowledged,
            on_broadcast_ready,
            on_stream_error,
            on_error,
            on_status_change,
            frame_policy,
            on_audio_frame,
            audio_policy,
        )
        given = self._checked_handlers(handlers)
        await self._do(arguments.with_credentials(credentials), given)

    async def create_client_credentials(self) -> ClientCredentials:
        """
        Reserves a session for another client, which needs no API key then.

        Raises what `connect` raises.

        Example:
            ```python
            form = (await client.create_client_credentials()).to_dict()
            ```
        """
        credentials: ClientCredentials = await self._do(MintCredentials())
        return credentials
