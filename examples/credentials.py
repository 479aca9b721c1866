"""Two phases: who has the API key reserves a session, who has not joins it."""

import asyncio
import json

from odyssey import ClientCredentials, Odyssey


async def reserve() -> str:
    """Runs where the API key is; what it gives may go to a browser or a device."""
    async with Odyssey() as server:
        credentials = await server.create_client_credentials()
        return json.dumps(credentials.to_dict())


async def join(form: str) -> None:
    """Runs where the API key is not."""
    async with Odyssey() as client:
        await client.connect_with_credentials(ClientCredentials.from_dict(json.loads(form)))
        async with client.stream("A cat") as stream:
            print(await stream.interact("Pet the cat"))


async def main() -> None:
    await join(await reserve())


if __name__ == "__main__":
    asyncio.run(main())
