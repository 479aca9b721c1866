"""The metrics, by name, unit and meaning."""

from opentelemetry.metrics import Counter, Histogram, Meter

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds for what takes milliseconds or seconds: those that the semantic conventions have for HTTP."""

LONG_SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 120)
"""Bounds for what should not happen, and takes seconds or minutes."""


class Instruments:
    """
    What is counted and timed.

    HTTP has the names of the semantic conventions; what they do not know begins with `odyssey.`.
    """

    def __init__(self, meter: Meter) -> None:
        def histogram(name: str, says: str, bounds: tuple[float, ...] = SECONDS) -> Histogram:
            return meter.create_histogram(name, "s", says, explicit_bucket_boundaries_advisory=bounds)

        self.request: Histogram = histogram(
            "http.client.request.duration", "Duration of HTTP client requests."
        )
        self.connect: Histogram = histogram("odyssey.connect.duration", "From a connect to its end.")
        self.phase: Histogram = histogram(
            "odyssey.connect.phase.duration", "Each phase on the way to the first frame."
        )
        self.first_frame: Histogram = histogram(
            "odyssey.time_to_first_frame",
            "From a connect to the first frame, without the time until a stream was asked for.",
        )
        self.interact: Histogram = histogram(
            "odyssey.interact.duration", "From a prompt to its acknowledgement."
        )
        self.stall: Histogram = histogram(
            "odyssey.stall.duration", "How long there was no new picture.", LONG_SECONDS
        )
        self.recovery: Histogram = histogram(
            "odyssey.recovery.duration", "From a loss to its end.", LONG_SECONDS
        )
        self.reconnects: Counter = meter.create_counter(
            "odyssey.reconnects", "{attempt}", "Attempts to replace a lost session."
        )
        self.received: Counter = meter.create_counter(
            "odyssey.frames.received", "{frame}", "Frames that arrived while a reader was there."
        )
        self.dropped: Counter = meter.create_counter(
            "odyssey.frames.dropped", "{frame}", "Frames that no reader got, by reason."
        )
