"""The codec of everything that may stand in a trace of a client or a service."""

from odyssey_proto import commands, exchange, failures, inputs, machine, outputs, settings
from odyssey_proto.messages import ice, recordings, simulations
from odyssey_proto.model import broadcast, capabilities, config, credentials, events, status, usage
from odyssey_proto.parts import allocation, approach, calls, peer, regions, signaling, waiters, watch
from odyssey_proto.parts import farewell as leaving
from odyssey_proto.service import seam
from odyssey_proto.trace.codec import Codec
