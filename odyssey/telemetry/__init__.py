"""Spans and metrics by OpenTelemetry, with the extra `otel`: `Odyssey(telemetry=OpenTelemetry())`."""

try:
    from odyssey.telemetry.observer import OpenTelemetry
except ModuleNotFoundError as error:
    if not (error.name or "").startswith("opentelemetry"):
        raise
    raise ModuleNotFoundError(
        'odyssey.telemetry needs OpenTelemetry: pip install "odyssey-client[otel]"', name=error.name
    ) from error

__all__ = ("OpenTelemetry",)
