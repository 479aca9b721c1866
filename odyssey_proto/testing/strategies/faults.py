"""Plans of what a service does wrong, for `ServiceConfig(faults=...)`."""

from hypothesis import strategies as st

from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.faults import Fault, Moment

MAX_DELAY_SECONDS = 40

moments: st.SearchStrategy[Moment] = st.sampled_from(Moment)
delays: st.SearchStrategy[float] = st.floats(0.1, MAX_DELAY_SECONDS)
repetitions: st.SearchStrategy[int] = st.integers(1, 3)

request_faults: st.SearchStrategy[Fault] = st.one_of(
    st.builds(f.Refuse, st.sampled_from(["/auth/token", "/config", "/regions"]), st.just(HttpReply(500))),
    st.builds(f.Silent, st.sampled_from(["/sessions/token", "/sessions/request"]), repetitions),
    st.builds(f.Slow, st.sampled_from(["/auth/token", "/config"]), delays, repetitions),
)
"""What may go wrong with requests until there is a session."""

session_faults: st.SearchStrategy[Fault] = st.one_of(
    st.builds(f.Slow, st.sampled_from(["/config", "/ping", "/regions"]), delays, repetitions),
    st.builds(f.RefuseSocket, st.sampled_from([401, 404, 500, 503]), st.integers(1, 7)),
    st.builds(f.Close, moments, st.sampled_from([1000, 1001, 1011, 4000])),
    st.builds(f.Cut, moments),
    st.builds(f.SignalError, moments, st.sampled_from(["streamer_disconnected", "news"])),
    st.builds(f.Garble, moments, st.sampled_from(["", "[]", '{"type":"stream_ended"}'])),
    st.builds(f.Swallow, moments, repetitions),
    st.builds(f.Late, moments, delays, repetitions),
    st.builds(f.FailStream, moments, st.sampled_from(["session_timeout", "lease_denied"])),
    st.builds(f.DropMedia, moments),
    st.builds(f.NoOffer),
    st.builds(f.OfferAgain),
    st.builds(f.WithoutChannel, st.sampled_from([TO_STREAMER, FROM_STREAMER])),
    st.builds(f.WithoutVideo),
)
"""What may go wrong with a session and its streams."""

plans: st.SearchStrategy[list[Fault]] = st.lists(request_faults | session_faults, max_size=4)
"""Several faults at once."""

session_plans: st.SearchStrategy[list[Fault]] = st.lists(session_faults, max_size=4)
"""Several faults at once that leave requests alone."""
