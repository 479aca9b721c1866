"""Asking for a job again and again: the call for its state, and the pace that the service asks for."""

from attrs import evolve, frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Span
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.refusals import retry_after
from odyssey_proto.messages.simulations import GET_SIMULATE_STATUS
from odyssey_proto.model.simulations import SimulationJobDetail
from odyssey_proto.seam.http import HttpReply, HttpRequest


@frozen
class JobSeen:
    """A job as it was seen, and how long the service wants to be left alone, in whole seconds."""

    job: SimulationJobDetail
    again: Span | None = None


@frozen
class Watch:
    """`simulations.get`, with the Retry-After of its success (RFC 9110 section 10.2.3)."""

    name: str = "simulations.watch"
    title: str = GET_SIMULATE_STATUS.title
    method: str = GET_SIMULATE_STATUS.method
    authed: bool = True
    safe: bool = True

    def encode_request(self, base: str, params: str, token: Secret | None = None) -> HttpRequest:
        """Returns the request."""
        return GET_SIMULATE_STATUS.encode_request(base, params, token)

    def decode_request(self, request: HttpRequest) -> str:
        """Returns the job's id."""
        return GET_SIMULATE_STATUS.decode_request(request)

    def encode_reply(self, result: JobSeen) -> HttpReply:
        """Returns the reply."""
        reply = GET_SIMULATE_STATUS.encode_reply(result.job)
        if result.again is None:
            return reply
        return evolve(reply, headers=(*reply.headers, ("retry-after", str(result.again // 1_000_000))))

    def decode_reply(self, reply: HttpReply) -> JobSeen | Failure:
        """Returns the job and the pace."""
        job = GET_SIMULATE_STATUS.decode_reply(reply)
        return job if isinstance(job, Failure) else JobSeen(job, retry_after(reply))

    def matches(self, request: HttpRequest) -> bool:
        """Tells whether a request asks for a job."""
        return GET_SIMULATE_STATUS.matches(request)


WATCH_SIMULATION = Watch()
"""Takes a job's id, gives what is known about it and when to ask again."""
