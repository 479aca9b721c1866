"""What makes asyncio-only libraries usable from any loop: a loop in a thread, and ways across."""

from odyssey_trio_compat.call_soon import CallSoon, call_soon, trio_here
from odyssey_trio_compat.loop_thread import POLL_SECONDS, Lease, LoopThread, SharedThread
from odyssey_trio_compat.mailbox import Mailbox

__all__ = (
    "POLL_SECONDS",
    "CallSoon",
    "Lease",
    "LoopThread",
    "Mailbox",
    "SharedThread",
    "call_soon",
    "trio_here",
)
