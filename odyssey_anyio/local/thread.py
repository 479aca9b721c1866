"""The local service for programs of any kind: it runs in a thread and a loop of its own."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from anyio.from_thread import start_blocking_portal


@contextmanager
def in_thread[T](service: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Runs a block, such as `serve()`, in a loop of its own for the length of this one."""
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(service) as served:
        yield served
