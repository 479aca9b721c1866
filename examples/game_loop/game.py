"""
A world to walk through, in a window: `python examples/game_loop/game.py`.

The loop is that of any game: events, picture, sixty times a second; nothing in it waits for the network.
"""

import pygame
from world import World

FIRST_PROMPT = "A path through a forest, seen by somebody who walks on it"
KEYS = {
    pygame.K_UP: "Walk on along the path",
    pygame.K_LEFT: "Turn to the left",
    pygame.K_RIGHT: "Turn to the right",
    pygame.K_DOWN: "Stand still and look around",
    pygame.K_n: "Night falls",
    pygame.K_r: "It begins to rain",
    pygame.K_s: "The sun comes out",
}
SIZE = (1280, 704)
FPS = 60


def play(world: World) -> None:
    """Shows the world, and makes prompts of keys, until the window is closed."""
    pygame.display.set_caption("odyssey")
    screen = pygame.display.set_mode(SIZE)
    font = pygame.font.Font(None, 32)
    clock = pygame.time.Clock()
    shown, picture = None, None
    while True:
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                return
            if event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE:
                return
            if event.type == pygame.KEYDOWN and event.key in KEYS:
                world.ask(KEYS[event.key])

        frame = world.frame
        if frame is not None and frame is not shown:
            picture = pygame.image.frombuffer(frame.data, (frame.width, frame.height), "RGB")
            shown = frame
        screen.fill("black")
        if picture is not None:
            screen.blit(picture, (0, 0))
        screen.blit(font.render(world.message, True, "white", "black"), (16, SIZE[1] - 40))
        pygame.display.flip()
        clock.tick(FPS)


def main() -> None:
    pygame.display.init()
    pygame.font.init()
    try:
        with World(FIRST_PROMPT) as world:
            play(world)
    finally:
        pygame.quit()


if __name__ == "__main__":
    main()
