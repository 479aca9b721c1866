"""
The plain client: what a good engineer writes in a day on aiohttp, websockets and aiortc.

It is correct, and it leaves as it should.
It is also the obvious work, in which nothing is kept, shared or overlapped: each step after the one before,
each on a connection of its own, pings awaited for up to a second, the session token fetched again before the
WebSocket, everything in one loop, and each frame made RGB there before the callback gets it.
"""
