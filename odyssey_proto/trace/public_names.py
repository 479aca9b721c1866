"""What `odyssey_proto.trace` offers, which is loaded when the first of it is asked for."""

from odyssey_proto.service.io.config import ServiceSettings
from odyssey_proto.trace.application import ApplicationDifference, application_difference
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.checking import ReplayError, Verdict, check, verdict
from odyssey_proto.trace.codec import Codec, UnknownValueError
from odyssey_proto.trace.format import SCHEMA, lines
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.moments import Moment, timeline
from odyssey_proto.trace.reading import TraceError, read, read_file
from odyssey_proto.trace.recorder import Limits, Recorder, TraceBuffer
from odyssey_proto.trace.replay import Difference, Replayed, difference, replayed, state_of
from odyssey_proto.trace.values import Header, Record, Step, Trace, name_of
from odyssey_proto.trace.vocabulary import CODEC

__all__ = (
    "BEHAVIOUR",
    "CODEC",
    "SCHEMA",
    "ApplicationDifference",
    "Codec",
    "Difference",
    "Header",
    "Limits",
    "Moment",
    "Record",
    "Recorder",
    "ReplayError",
    "Replayed",
    "ServiceSettings",
    "Step",
    "Trace",
    "TraceBuffer",
    "TraceError",
    "UnknownValueError",
    "Verdict",
    "application_difference",
    "check",
    "difference",
    "fresh",
    "lines",
    "name_of",
    "read",
    "read_file",
    "replayed",
    "state_of",
    "timeline",
    "verdict",
)
