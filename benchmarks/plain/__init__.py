"""
The plain client: what a good engineer writes in a day on aiohttp, websockets and aiortc.

It is honest work and no straw man: it is correct, it leaves as it should, and it does nothing slowly on
purpose.
It is also the obvious work: each step after the one before, each on a connection of its own, pings awaited
for up to a second, the session token fetched again before the WebSocket, everything in one loop, and each
frame made RGB there before the callback gets it.
"""
