"""What the words of a prompt mean for a picture; unknown words decide by their hash."""

import hashlib
import re

from attrs import field, frozen

type Rgb = tuple[int, int, int]


@frozen
class Palette:
    """The colours of a place: the sky from top to horizon, the land from far to near, the light."""

    sky_top: Rgb
    sky_low: Rgb
    far: Rgb
    near: Rgb
    light: Rgb


PLACES: dict[str, Palette] = {
    "meadow": Palette((74, 144, 217), (250, 222, 170), (120, 164, 120), (46, 110, 64), (255, 244, 196)),
    "sunset": Palette((58, 32, 88), (255, 140, 80), (112, 60, 92), (44, 24, 52), (255, 214, 130)),
    "night": Palette((8, 12, 36), (38, 52, 96), (26, 34, 66), (8, 12, 26), (226, 232, 255)),
    "ocean": Palette((54, 132, 196), (190, 228, 236), (38, 118, 150), (10, 58, 96), (255, 250, 220)),
    "forest": Palette((122, 176, 170), (214, 232, 190), (66, 116, 92), (20, 56, 40), (250, 250, 210)),
    "city": Palette((40, 46, 92), (236, 132, 138), (70, 62, 106), (24, 22, 46), (255, 222, 160)),
    "space": Palette((6, 4, 18), (44, 16, 70), (60, 30, 96), (14, 8, 30), (255, 210, 240)),
    "snow": Palette((124, 160, 200), (232, 240, 248), (190, 206, 224), (238, 244, 250), (255, 255, 246)),
    "desert": Palette((70, 140, 200), (252, 220, 168), (222, 164, 96), (178, 112, 62), (255, 246, 200)),
    "fire": Palette((30, 8, 12), (200, 60, 20), (110, 26, 14), (36, 8, 8), (255, 190, 80)),
}

_PLACE_WORDS = {
    "meadow": "meadow field garden grass park flower flowers spring day sunny morning sun",
    "sunset": "sunset sunrise dawn dusk evening golden",
    "night": "night dark midnight moon moonlight stars sleep dream",
    "ocean": "ocean sea beach water wave waves lake river island",
    "forest": "forest trees wood woods jungle rainforest",
    "city": "city town street building buildings skyscraper neon",
    "space": "space galaxy planet star cosmos",
    "snow": "snow snowing snowy winter ice cold frost mountain mountains",
    "desert": "desert sand dune dunes canyon cactus hot",
    "fire": "fire lava volcano flame flames burning explosion hell",
}

_HOME_WORDS = {
    "ocean": "boat ship sail sailing fish whale shark dolphin",
    "forest": "tree bear fox deer owl wolf",
    "city": "car cars robot house",
    "space": "rocket alien astronaut spaceship",
    "snow": "penguin",
    "desert": "camel",
    "fire": "dragon",
}
"""Where somebody lives, for prompts that name no place."""

_SUBJECT_WORDS = {
    "cat": "cat cats kitten kitty tiger lion fox",
    "dog": "dog dogs puppy wolf bear horse deer",
    "bird": "bird birds eagle owl dragon plane butterfly",
    "fish": "fish whale shark dolphin",
    "tree": "tree trees forest palm",
    "house": "house home castle hut cabin building",
    "boat": "boat ship sail sailing",
    "robot": "robot android astronaut man woman person girl boy knight",
    "ball": "ball balloon planet orb bubble apple",
    "rocket": "rocket spaceship spacecraft",
}

_WEATHER_WORDS = {
    "rain": "rain raining rainy storm thunder",
    "snow": "snow snowing snowy snowfall winter",
    "sparks": "fire spark sparks magic fireworks lava party glitter",
    "fireflies": "fireflies firefly night dream forest",
    "stars": "star stars space galaxy night",
}

_COLOURS: dict[str, Rgb] = {
    "red": (222, 60, 54),
    "orange": (244, 144, 44),
    "yellow": (248, 214, 70),
    "green": (78, 176, 92),
    "blue": (66, 122, 220),
    "purple": (146, 86, 196),
    "pink": (242, 140, 178),
    "white": (244, 244, 240),
    "black": (34, 34, 40),
    "brown": (138, 92, 60),
    "grey": (140, 144, 152),
    "gray": (140, 144, 152),
    "golden": (236, 190, 82),
}

_PACE_WORDS = {
    "lively": "run running jump jumping dance dancing fast fly flying race play playing storm wild chase",
    "calm": "sleep sleeping calm slow slowly rest resting still quiet sit sitting lie",
}

_PACES = {"lively": 2.2, "calm": 0.35}

_FUR: tuple[Rgb, ...] = ((236, 150, 74), (88, 84, 98), (240, 228, 210), (176, 122, 84), (120, 132, 176))


@frozen
class Meaning:
    """What a picture shows."""

    place: str
    palette: Palette = field(repr=False)
    subject: str
    colour: Rgb
    weather: str | None
    pace: float
    """How fast things move; 1 is a stroll."""
    seed: int


def meaning(prompts: tuple[str, ...]) -> Meaning:
    """
    Returns what the prompts mean together; a later one outweighs those before it.

    The same prompts always mean the same.
    """
    words = [word for prompt in reversed(prompts) for word in re.findall(r"[a-zà-ÿ]+", prompt.lower())]
    text = "\n".join(prompts).encode(errors="replace")
    seed = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    place = _match(words, _PLACE_WORDS) or _match(words, _HOME_WORDS) or list(PLACES)[seed % 6]
    colour = next((_COLOURS[word] for word in words if word in _COLOURS), _FUR[seed // 7 % len(_FUR)])
    latest = words[: len(re.findall(r"[a-zà-ÿ]+", prompts[-1].lower()))] if prompts else []
    pace = _PACES.get(_match(latest, _PACE_WORDS) or "", 1.0 + 0.25 * (seed % 3))
    subject = _match(words, _SUBJECT_WORDS) or list(_SUBJECT_WORDS)[seed // 11 % len(_SUBJECT_WORDS)]
    return Meaning(place, PLACES[place], subject, colour, _match(words, _WEATHER_WORDS), pace, seed % 2**32)


def _match(words: list[str], table: dict[str, str]) -> str | None:
    """Returns the entry that the first telling word belongs to."""
    entries = {word: name for name, known in table.items() for word in known.split()}
    return next((entries[word] for word in words if word in entries), None)
