"""Draws a conversation's table as a picture: states in a row, moves as arcs, forward above, back below."""

from collections import defaultdict
from collections.abc import Mapping
from enum import Enum
from html import escape
from typing import Any

BOX = (150, 44)
GAP_PIXELS = 300
LINE = 17
ARC = 46
IGNORED = "Unknown"
"""What either side may say at any time without effect; pictures leave it out."""

STYLE = """
  svg { background: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #24292f; text-anchor: middle;
    paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .inside { stroke: none }
  .state { font-weight: 600 }
  .client { fill: #0550ae }
  .server { fill: #953800 }
  rect { fill: #f6f8fa; stroke: #57606a; rx: 8 }
  path { fill: none; stroke: #57606a; stroke-width: 1.3; marker-end: url(#tip) }
  marker path { fill: #57606a; stroke: none; marker-end: none }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 } text { fill: #e6edf3; stroke: #0d1117 }
    .client { fill: #79c0ff } .server { fill: #ffa657 }
    rect { fill: #161b22; stroke: #8b949e } path { stroke: #8b949e } marker path { fill: #8b949e }
  }
"""

type Table = Mapping[tuple[Enum, Enum, type[Any]], Enum]
type Line = tuple[str, str]


def draw(states: type[Enum], table: Table, title: str) -> str:
    """Returns the picture as SVG text; the same table always gives the same text."""
    order = list(states)
    table = {move: after for move, after in table.items() if move[2].__name__ != IGNORED}
    moves: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for (state, side, message), after in table.items():
        line = (side.name.lower(), f"{side.name[0]}: {message.__name__}")
        moves[order.index(state), order.index(after)].append(line)
    loops = {here: lines for (here, there), lines in moves.items() if here == there}
    above = _levels({move for move in moves if move[0] < move[1]}, moves)
    below = _levels({move for move in moves if move[0] > move[1]}, moves)
    head = max(above.values(), default=0) + 30
    foot = max(below.values(), default=0) + 30
    inside = max((len(lines) for lines in loops.values()), default=0) * LINE
    tall = BOX[1] + inside
    width = GAP_PIXELS * len(order)
    parts = [_box(order[n], n, head, tall, loops.get(n, [])) for n in range(len(order))]
    for move, height in sorted(above.items()):
        parts.append(_arc(move, head, -height, moves[move]))
    for move, height in sorted(below.items()):
        parts.append(_arc(move, head + tall, height, moves[move]))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {head + tall + foot}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
            *parts,
            "</svg>\n",
        ]
    )


def _levels(
    wanted: set[tuple[int, int]], moves: Mapping[tuple[int, int], list[Line]]
) -> dict[tuple[int, int], int]:
    """Returns each arc a height above everything that it spans."""
    heights: dict[tuple[int, int], int] = {}
    for move in sorted(wanted, key=lambda each: (abs(each[0] - each[1]), each)):
        low, high = sorted(move)
        spanned = [
            height + LINE * len(moves[other])
            for other, height in heights.items()
            if min(other) < high and max(other) > low
        ]
        heights[move] = max(spanned, default=0) + ARC
    return heights


def _box(state: Enum, place: int, top: int, tall: int, loops: list[Line]) -> str:
    middle = GAP_PIXELS * place + GAP_PIXELS // 2
    width = max(BOX[0], max((8 * len(text) for _, text in loops), default=0) + 16)
    lines = [
        f'<rect x="{middle - width // 2}" y="{top}" width="{width}" height="{tall}"/>',
        f'<text class="inside state" x="{middle}" y="{top + 27}">{escape(state.name)}</text>',
    ]
    for number, (side, text) in enumerate(loops):
        lines.append(
            f'<text class="inside {side}" x="{middle}" y="{top + 46 + LINE * number}">↻ {escape(text)}</text>'
        )
    return "\n".join(lines)


def _arc(move: tuple[int, int], edge: int, height: int, lines: list[Line]) -> str:
    here, there = (GAP_PIXELS * place + GAP_PIXELS // 2 for place in move)
    # Arcs leave to the right of the middle and arrive to its left, so that they never lie on each other.
    toward = 1 if there > here else -1
    start, end = here + 34 * toward, there - 34 * toward
    peak = edge + height
    middle = (start + end) // 2
    step = LINE if height > 0 else -LINE
    drawn = [f'<path d="M{start} {edge}C{start} {peak} {end} {peak} {end} {edge}"/>']
    at = edge + height * 3 // 4 + (16 if height > 0 else -8)
    ordered = lines if height > 0 else lines[::-1]
    for number, (side, text) in enumerate(ordered):
        drawn.append(f'<text class="{side}" x="{middle}" y="{at + step * number}">{escape(text)}</text>')
    return "\n".join(drawn)
