"""Everything that may stand in a trace of a client or of a service."""

from odyssey_proto import client, commands, exchange, failures, inputs, outputs, session, settings
from odyssey_proto.messages import ice, recordings, simulations
from odyssey_proto.model import broadcast, capabilities, config, credentials, events, status, usage
from odyssey_proto.parts import (
    allocation,
    approach,
    calls,
    farewell,
    peer,
    regions,
    signaling,
    waiters,
    watch,
)
from odyssey_proto.service import seam
from odyssey_proto.trace.codec import Codec

VALUES = (commands, exchange, failures, inputs, outputs, settings, ice, seam)
MODELS = (broadcast, capabilities, config, credentials, events, status, usage, recordings, simulations)
REASONS = (allocation, approach, calls, farewell, peer, regions, session, signaling, waiters, watch)

CODEC = Codec((*VALUES, *MODELS, *REASONS, client))
