"""Everything that may stand in a trace of a client or of a service."""

from odyssey_proto import client, commands, exchange, failures, inputs, outputs, session, settings, spectator
from odyssey_proto.messages import (
    auth,
    ice,
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
    recordings,
    script,
    status,
    usage,
)
from odyssey_proto.model import simulations as jobs
from odyssey_proto.parts import (
    allocation,
    approach,
    calls,
    farewell,
    frames,
    peer,
    polling,
    signaling,
    transfer,
    waiters,
)
from odyssey_proto.parts import regions as pings
from odyssey_proto.service import broadcast as service_broadcast
from odyssey_proto.service import client_session, faults, film, request_desk, scene, seam, streamer
from odyssey_proto.service import config as service_config
from odyssey_proto.service import jobs as service_jobs
from odyssey_proto.service import sessions as service_sessions
from odyssey_proto.trace import machines
from odyssey_proto.trace.codec import Codec

SEAM = (client, commands, exchange, failures, inputs, outputs, settings, seam, film, scene)
SETTINGS = (service_config, machines, spectator)
MESSAGES = (auth, ice, paging, regions, sessions, simulations, telemetry, watching, whep)
"""Parameters and results of REST calls."""
MODELS = (broadcast, capabilities, config, credentials, events, jobs, recordings, status, usage)
REASONS = (allocation, approach, calls, farewell, peer, pings, polling, session, signaling, waiters, frames)
"""Why a machine wants to be woken."""
SERVICE_REASONS = (request_desk, service_jobs, service_sessions, streamer, client_session, service_broadcast)

CODEC = Codec(
    {
        "": (*SEAM, *SETTINGS, *MESSAGES, *MODELS, *REASONS, *SERVICE_REASONS),
        "script.": (script,),
        "transfer.": (transfer,),
        "fault.": (faults,),
    }
)
