"""Everything that may stand in a trace of a client or of a service."""

from odyssey_proto.client import client, session, spectator
from odyssey_proto.client.connecting import allocation, connector, region_pings, release
from odyssey_proto.client.jobs import polling, transfer
from odyssey_proto.client.live import peer, pending_replies, signaling, stall_watch
from odyssey_proto.client.rest import calls
from odyssey_proto.kernel import failures, usage
from odyssey_proto.messages import (
    auth,
    paging,
    regions,
    sessions,
    simulations,
    telemetry,
    watching,
    whep,
)
from odyssey_proto.model import (
    broadcast,
    capabilities,
    config,
    credentials,
    events,
    ice,
    recordings,
    script,
    status,
)
from odyssey_proto.model import simulations as job_values
from odyssey_proto.seam import commands, http, inputs, outputs, settings
from odyssey_proto.service.films import jobs
from odyssey_proto.service.io import config as service_config
from odyssey_proto.service.io import faults, film, scene, seam
from odyssey_proto.service.live import broadcasts, client_session, streamer
from odyssey_proto.service.rest import dispatch
from odyssey_proto.service.rest import sessions as service_sessions
from odyssey_proto.trace import machines
from odyssey_proto.trace.codec import Codec

SEAM = (client, commands, http, failures, inputs, outputs, settings, seam, film, scene)
SETTINGS = (service_config, machines, spectator)
MESSAGES = (auth, paging, regions, sessions, simulations, telemetry, watching, whep)
"""Parameters and results of REST calls."""
MODELS = (broadcast, capabilities, config, credentials, events, ice, job_values, recordings, status, usage)
REASONS = (
    allocation,
    connector,
    calls,
    release,
    peer,
    region_pings,
    polling,
    session,
    signaling,
    pending_replies,
    stall_watch,
)
"""Why a machine wants to be woken."""
SERVICE_REASONS = (dispatch, jobs, service_sessions, streamer, client_session, broadcasts)

CODEC = Codec(
    {
        "": (*SEAM, *SETTINGS, *MESSAGES, *MODELS, *REASONS, *SERVICE_REASONS),
        "script.": (script,),
        "transfer.": (transfer,),
        "fault.": (faults,),
    }
)
