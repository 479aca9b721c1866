"""Decides for itself what follows a loss: the session is replaced, and no stream or prompt is repeated."""

import anyio

from odyssey import ConnectionStatus, Odyssey, OdysseyStreamError, ReconnectPolicy

POLICY = ReconnectPolicy(per_loss=3, restart_stream=False, carry_over=False)


def show(status: ConnectionStatus, message: str | None) -> None:
    if status is ConnectionStatus.RECONNECTING:
        print("reconnecting")


async def main() -> None:
    async with Odyssey(reconnect=POLICY) as client:
        for prompt in ("A cat", "A dog"):
            await client.connect(on_status_change=show)  # returns when there is a session (again)
            try:
                async with client.stream(prompt) as stream:
                    print(f"{prompt}: {await stream.interact('It runs')}")
            except OdysseyStreamError as error:
                if not error.retryable:
                    raise
                print(f"{prompt}: lost")


if __name__ == "__main__":
    anyio.run(main)
