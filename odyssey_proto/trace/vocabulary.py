"""Everything that may stand in a trace of a client or of a service."""

from odyssey_proto.client import timers as client_timers
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
from odyssey_proto.service.io import config as service_config
from odyssey_proto.service.io import faults, film, scene, seam
from odyssey_proto.service.io import timers as service_timers
from odyssey_proto.trace import machines
from odyssey_proto.trace.codec import Codec

SEAM = (commands, http, failures, inputs, outputs, settings, seam, film, scene)
SETTINGS = (service_config, machines)
MESSAGES = (auth, paging, regions, sessions, simulations, telemetry, watching, whep)
"""Parameters and results of REST calls."""
MODELS = (broadcast, capabilities, config, credentials, events, ice, job_values, recordings, status, usage)
TIMERS = (client_timers, service_timers)
"""Why a machine wants to be woken."""

CODEC = Codec(
    {
        "": (*SEAM, *SETTINGS, *MESSAGES, *MODELS, *TIMERS),
        "script.": (script,),
        "fault.": (faults,),
    }
)
