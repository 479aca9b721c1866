"""A trace as one page for any browser: nothing is loaded, and nothing in it can become a program."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files

from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.page_data import page_data
from odyssey.inspect.transcript import printable

PROGRAMS = ("tools.js", "timeline.js", "conversation.js", "record.js", "page.js")
"""The programs of the page, in the order in which they are run."""


def page(cursor: TraceCursor, name: str, *, secrets: bool = False) -> str:
    """
    Returns the page of a trace; `name` stands in its title.

    What is secret is shown if the trace holds pseudonyms in its place, or if `secrets` are wanted.
    """
    folder = files("odyssey.cli") / "page"
    style = (folder / "page.css").read_text(encoding="utf-8")
    programs = [(folder / each).read_text(encoding="utf-8") for each in PROGRAMS]
    parts = {
        "title": html.escape(printable(name)),
        "policy": _policy(style, programs),
        "style": style,
        "data": embedded(page_data(cursor, name, secrets=secrets)),
        "programs": "\n".join(f"<script>{each}</script>" for each in programs),
    }
    text = (folder / "page.html").read_text(encoding="utf-8")
    # In one pass, so that nothing that is put in is looked at again.
    pieces = text.split("{{")
    return pieces[0] + "".join(
        parts[key] + rest for key, _, rest in (piece.partition("}}") for piece in pieces[1:])
    )


def embedded(value: object) -> str:
    """Returns JSON that can stand between script tags: no character in it means anything to HTML."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy(style: str, programs: Iterable[str]) -> str:
    """Returns the rule that only what is here may run and be shown (Content Security Policy, by hashes)."""
    run = " ".join(map(_hash, programs))
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {run}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
