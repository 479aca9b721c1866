"""Starts from a picture: any file, any bytes, or pixels as here; it is made to the size of the stream."""

import anyio
import numpy as np

from odyssey import Odyssey, OdysseyStreamValueError


def sunset() -> np.ndarray:
    """A picture of nothing but colours: RGB, of any size."""
    down = np.linspace(0, 1, 300)[:, None, None]
    return np.broadcast_to((1 - down) * (0.1, 0.1, 0.5) + down * (1.0, 0.5, 0.1), (300, 400, 3))


async def main() -> None:
    async with Odyssey() as client:
        await client.connect()
        if client.capabilities is None or not client.capabilities.image_to_video:
            print("this streamer takes no images")
            return
        async with client.stream("A cat in the evening sun", portrait=False, image=sunset()) as stream:
            async for frame in stream.frames():
                if (frame.width, frame.height) == (1280, 704):  # not the picture of before any more
                    print(frame)
                    break
        try:
            await client.start_stream("A cat", image=b"%PDF-1.7")
        except OdysseyStreamValueError as error:
            print(error.code)  # nothing was sent


if __name__ == "__main__":
    anyio.run(main)
