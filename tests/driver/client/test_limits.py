"""Time limits against the local service, which enforces them: each is announced in advance."""

from typing import Any

import anyio
import pytest

from odyssey import (
    Disconnected,
    DurationLimit,
    LimitApproaching,
    Limits,
    Odyssey,
    StreamFailed,
)
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio


async def test_the_warning_comes_before_the_end() -> None:
    config = ServiceConfig(stream_seconds=1, connection_seconds=3)
    limits = Limits(stream=1, connection=3, ahead=0.7)
    async with serve(config) as service, Odyssey("ody_test", api_url=service.url, limits=limits) as client:
        with anyio.fail_after(20):
            await client.connect()
            events = client.events()
            await client.start_stream("A cat")
            announced: list[Any] = []
            async for event in events:
                if isinstance(event, LimitApproaching):
                    announced.append(event.limit)
                if isinstance(event, StreamFailed | Disconnected):
                    announced.append(event.failure)
                if isinstance(event, Disconnected):
                    break
    stream, failed, connection, lost = announced
    assert (stream, connection) == (DurationLimit.STREAM, DurationLimit.CONNECTION)
    assert failed.usage.code == "STREAM_DURATION_EXCEEDED"
    assert lost.code == "duration_limit_reached"
