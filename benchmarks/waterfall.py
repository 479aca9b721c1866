"""When the steps of a connect began and ended: from a trace of ours, and as the floor has them."""

from collections.abc import Iterable, Mapping

from benchmarks.benchmark import Figures
from benchmarks.floor import ends

BEGAN, ENDED = "began: ", "ended: "
"""How the figures of a step begin, in milliseconds since the connect."""

WIDTH = 60


def waterfall(trace: object) -> Figures:
    """Returns when each step of the first connect of a trace began and ended."""
    from odyssey_proto.messages import signaling
    from odyssey_proto.seam import inputs, outputs
    from odyssey_proto.trace import Trace

    assert isinstance(trace, Trace), "that of a session"
    begun: dict[object, str] = {}
    found: Figures = {}

    def begins(key: object, name: str, at: float) -> None:
        begun[key] = name
        found.setdefault(BEGAN + name, at)

    def finishes(key: object, at: float) -> None:
        if key in begun:
            # Of several pings the first reply.
            found.setdefault(ENDED + begun[key], at)

    zero = trace.steps[0].at
    for step in trace.steps:
        at = (step.at - zero) / 1000
        match step.inp:
            case inputs.Replied(exchange):
                finishes(exchange, at)
            case inputs.SocketText(_, text) if isinstance(signaling.decode(text), signaling.Offer):
                finishes("socket", at)
            case inputs.LocalDescription():
                finishes("candidates", at)
                begins("peer", "ICE and DTLS", at)
            case inputs.PeerStateChanged(_, inputs.PeerState.CONNECTED):
                finishes("peer", at)
                begins("channels", "SCTP and data channels", at)
            case _:
                pass
        for output in step.outputs:
            match output:
                case outputs.Request(exchange, request):
                    path = request.url.split("://", 1)[-1].partition("/")[2]
                    begins(exchange, f"{request.method} /{path}", at)
                case outputs.OpenSocket():
                    begins("socket", "WebSocket and offer", at)
                case outputs.MakePeer():
                    begins("candidates", "candidates and answer", at)
                case outputs.Completed():
                    finishes("channels", at)
                    return found
                case _:
                    pass
    return found


def bars(steps: Iterable[tuple[str, float, float]]) -> str:
    """Draws steps with when they begin and end, in milliseconds."""
    steps = list(steps)
    last = max(end for _, _, end in steps)
    width = max(len(name) for name, _, _ in steps)
    lines = []
    for name, begin, end in steps:
        left = round(begin / last * WIDTH)
        bar = "█" * max(round(end / last * WIDTH) - left, 1)
        lines.append(f"{name:{width}} {begin:6.0f} {end:6.0f}  {' ' * left}{bar}")
    return "\n".join(lines)


def of_figures(figures: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Returns the steps that figures tell of, in the order in which they began."""
    names = [name.removeprefix(BEGAN) for name in figures if name.startswith(BEGAN)]
    steps = [
        (name, figures[BEGAN + name], figures[ENDED + name]) for name in names if ENDED + name in figures
    ]
    return sorted(steps, key=lambda step: step[1])


def of_floor(round_trip: float) -> list[tuple[str, float, float]]:
    """Returns the steps of the floor at a round trip, in milliseconds."""
    return [(name, begin * round_trip, end * round_trip) for name, (begin, end) in ends().items()]
