"""Spans and metrics by OpenTelemetry, with the extra `otel`: `Odyssey(telemetry=OpenTelemetry())`."""

try:
    from odyssey.telemetry.observer import OpenTelemetry
except ModuleNotFoundError as _missing:
    if not (_missing.name or "").startswith("opentelemetry"):
        raise
    raise ModuleNotFoundError(
        'odyssey.telemetry needs OpenTelemetry: pip install "odyssey-client[otel]"', name=_missing.name
    ) from _missing

__all__ = ("OpenTelemetry",)
