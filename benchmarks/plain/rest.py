"""The REST calls that lead to a session, each on a connection of its own."""

import asyncio
import time
from typing import Any

import aiohttp

PING_SECONDS = 1.0
"""How long the regions are waited for."""

POLL_SECONDS = 1.0
"""The pause between two requests while no streamer is free."""


class Rest:
    """The API of the service."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._token = ""
        self._ends = 0.0

    async def session(self) -> dict[str, Any]:
        """Returns a granted session."""
        headers = await self._headers()
        latencies = await self._latencies(headers)
        body = {"region_latencies": latencies} if latencies else {}
        while True:
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{self._url}/sessions/request", json=body, headers=headers) as reply,
            ):
                if reply.status != 503:
                    reply.raise_for_status()
                    granted: dict[str, Any] = await reply.json()
                    return granted
            await asyncio.sleep(POLL_SECONDS)

    async def session_token(self, session_id: str) -> str:
        """Returns the token that opens a session."""
        headers = await self._headers()
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.post(
                f"{self._url}/sessions/token", json={"session_id": session_id}, headers=headers
            ) as reply,
        ):
            token: str = (await reply.json())["session_token"]
            return token

    async def get(self, path: str) -> Any:
        """Returns what a call of the API answers."""
        headers = await self._headers()
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.get(self._url + path, headers=headers) as reply,
        ):
            return await reply.json()

    async def _headers(self) -> dict[str, str]:
        if time.monotonic() >= self._ends:
            async with (
                aiohttp.ClientSession(raise_for_status=True) as http,
                http.post(f"{self._url}/auth/token", json={"api_key": self._key}) as reply,
            ):
                body = await reply.json()
            self._token = body["access_token"]
            self._ends = time.monotonic() + body["expires_in"] - 60
        return {"Authorization": f"Bearer {self._token}"}

    async def _latencies(self, headers: dict[str, str]) -> dict[str, int]:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.get(f"{self._url}/regions", headers=headers) as reply,
        ):
            regions = (await reply.json())["regions"]
        if not regions:
            return {}
        found = {region["id"]: 9999 for region in regions}
        pings = [asyncio.create_task(self._ping(region, found)) for region in regions]
        _, late = await asyncio.wait(pings, timeout=PING_SECONDS)
        for ping in late:
            ping.cancel()
        await asyncio.gather(*pings, return_exceptions=True)
        return found

    async def _ping(self, region: dict[str, str], found: dict[str, int]) -> None:
        began = time.perf_counter()
        async with aiohttp.ClientSession() as http, http.get(region["ping_url"]) as reply:
            if reply.ok:
                found[region["id"]] = round((time.perf_counter() - began) * 1000)
