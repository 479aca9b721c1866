"""The documented types and handlers, where the official client has them; the same as in `odyssey`."""

from odyssey import BroadcastInfo as BroadcastInfo
from odyssey import BroadcastReadyCallback as BroadcastReadyCallback
from odyssey import ClientCredentials as ClientCredentials
from odyssey import ConnectedCallback as ConnectedCallback
from odyssey import ConnectionStatus as ConnectionStatus
from odyssey import DisconnectedCallback as DisconnectedCallback
from odyssey import ErrorCallback as ErrorCallback
from odyssey import InteractAcknowledgedCallback as InteractAcknowledgedCallback
from odyssey import OdysseyEventHandlers as OdysseyEventHandlers
from odyssey import Recording as Recording
from odyssey import SimulationJobDetail as SimulationJobDetail
from odyssey import SimulationJobInfo as SimulationJobInfo
from odyssey import SimulationJobsList as SimulationJobsList
from odyssey import SimulationJobStatus as SimulationJobStatus
from odyssey import SimulationStream as SimulationStream
from odyssey import StatusChangeCallback as StatusChangeCallback
from odyssey import StreamEndedCallback as StreamEndedCallback
from odyssey import StreamerCapabilities as StreamerCapabilities
from odyssey import StreamErrorCallback as StreamErrorCallback
from odyssey import StreamRecordingInfo as StreamRecordingInfo
from odyssey import StreamRecordingsList as StreamRecordingsList
from odyssey import StreamStartedCallback as StreamStartedCallback
from odyssey import VideoFrame as VideoFrame
from odyssey import VideoFrameCallback as VideoFrameCallback
