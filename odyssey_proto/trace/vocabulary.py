"""Everything that may stand in a trace of a client or of a service."""

from odyssey_proto.client import timers as client_timers
from odyssey_proto.kernel import failures
from odyssey_proto.messages import auth, regions, sessions, simulations, telemetry, whep
from odyssey_proto.messages import recordings as recording_calls
from odyssey_proto.model import access, address, config, credentials, events, ice, quality, recordings, script
from odyssey_proto.model import simulations as job_values
from odyssey_proto.seam import commands, http, inputs, outputs, settings
from odyssey_proto.service.io import access as service_access
from odyssey_proto.service.io import config as service_config
from odyssey_proto.service.io import faults, film, seam
from odyssey_proto.service.io import timers as service_timers
from odyssey_proto.trace.codec import Codec

SEAM = (commands, http, failures, inputs, outputs, settings, seam, service_access, service_config, film)
MESSAGES = (auth, recording_calls, regions, sessions, simulations, telemetry, whep)
"""Parameters and results of REST calls."""
MODELS = (access, address, config, credentials, events, ice, job_values, quality, recordings)
TIMERS = (client_timers, service_timers)
"""Why a machine wants to be woken."""

CODEC = Codec(
    {
        "": (*SEAM, *MESSAGES, *MODELS, *TIMERS),
        "script.": (script,),
        "fault.": (faults,),
    }
)
