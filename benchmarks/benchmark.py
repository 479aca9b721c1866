"""
What a benchmark is: sides that are measured by turns, and rows that compare their figures.

A side is measured in a process of its own, which begins with nothing imported; so what it finds of CPU,
memory and threads is its own, and none has the other's caches.
One measurement of a side may have figures for several rows.
"""

from collections.abc import Awaitable, Callable, Mapping

from attrs import asdict, field, frozen

OURS, PLAIN, FLOOR = "ours", "plain", "floor"
"""The names of sides that most benchmarks have; `ours_on(TRIO)` is another."""

ASYNCIO, TRIO = "asyncio", "trio"

type Figures = dict[str, float]
"""What one measurement found, each with its name; times are in milliseconds."""


@frozen
class World:
    """The local service that all sides of a benchmark use, and the network that lies before it."""

    round_trip: float = 0.0
    """To every address of the service, for TCP, TLS and media, in milliseconds."""
    tls: bool = False
    regions: bool = False
    """Whether there are three regions: a near one, one that is slow, and one that never answers."""
    loss: float = 0.0
    """The share of the media packets to a client that are lost, 0 to 1."""
    burst: int = 0
    """So many packets of video in a row are lost every five seconds, and the first repeat of each."""
    canned: bool = False
    """Whether it only answers REST calls, always with the same replies and at the least cost."""
    clip: int = 0
    """The frames a second of a clip that every peer is shown (benchmarks/network/clip.py); 0: of scenes."""
    settings: Mapping[str, float] = field(factory=dict)
    """Further settings of the service, by their names in `ServiceConfig`."""

    @property
    def plain_data(self) -> dict[str, object]:
        """This as JSON can have it."""
        return asdict(self)


@frozen
class Setting:
    """What a side is given."""

    url: str
    """The service, empty if the benchmark has none."""
    key: str
    short: bool
    """Whether only the running matters, and not the figures."""

    def often(self, usual: int) -> int:
        """How often to do something that is usually done so often."""
        return min(usual, 2) if self.short else usual

    def seconds(self, usual: float) -> float:
        """How long to do something that is usually done for so long."""
        return min(usual, 1.0) if self.short else usual


type Measure = Callable[[Setting], Awaitable[Figures]]


@frozen
class Side:
    """Something that is measured, and the loop that it runs on."""

    measure: Measure
    backend: str = ASYNCIO


@frozen
class Row:
    """One line of the table: a figure of ours, and what it should be of that of another side."""

    what: str
    figure: str
    unit: str
    goal: float | None = None
    """The ratio to reach, ours divided by the other's."""
    against: str = PLAIN
    at_least: bool = False
    """Whether more is better: then the goal is the least ratio, otherwise the greatest."""
    of: str = OURS
    in_the_way: str = ""
    """What stands in the way where the goal is not reached."""
    limit: float | None = None
    """What the figure itself has to reach, where that is the goal."""

    def reached(self, ratio: float | None, value: float) -> bool | None:
        """Tells whether the goal is reached; `None` if there is none."""
        if self.limit is not None:
            return value >= self.limit if self.at_least else value <= self.limit
        if self.goal is None or ratio is None:
            return None
        return ratio >= self.goal if self.at_least else ratio <= self.goal


@frozen
class Benchmark:
    """Sides, and the rows made of them; each module of `benchmarks.rows` has some in `BENCHMARKS`."""

    name: str
    sides: Mapping[str, Side]
    rows: tuple[Row, ...]
    world: World | None = None
    """What is served meanwhile, if anything."""


def ours_on(backend: str) -> str:
    """The name of our side on a loop."""
    return OURS if backend == ASYNCIO else f"{OURS} on {backend}"


def on_both(measure: Measure) -> dict[str, Side]:
    """Our side on asyncio and on trio."""
    return {ours_on(backend): Side(measure, backend) for backend in (ASYNCIO, TRIO)}
