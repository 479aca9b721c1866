"""What makes asyncio-only libraries usable from any loop: a loop in a thread, and ways across."""

from odyssey_trio_compat.bell import Ring, bell
from odyssey_trio_compat.loop_thread import PAUSE, LoopThread
from odyssey_trio_compat.mailbox import Mailbox

__all__ = ("PAUSE", "LoopThread", "Mailbox", "Ring", "bell")
