"""The page of a trace in a real browser: ten thousand records, every one of which can be opened."""

from pathlib import Path
from typing import Any

import pytest
from core.traced_sessions import recorded
from house.inspector import Page, inspected

from odyssey.cli.trace_html import page
from odyssey.inspect.cursor import TraceCursor
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted

MANY = 10_000

HOSTILE = "</script><script>window.broken = 1</script><!-- & \u2028 <img src=x onerror='window.broken = 1'>"


def long_session(world: Any) -> None:
    world.connect()
    world.start(HOSTILE)
    for number in range(MANY // 6):
        world.interact(f"Change {number}")
        world.frames()
        world.wait(seconds(0.05))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "trace.html"
    cursor = TraceCursor(redacted(recorded(long_session), fresh), fresh)
    assert len(cursor.story.entries) >= MANY
    path.write_text(page(cursor, HOSTILE), encoding="utf-8")
    return path


def test_the_page_of_ten_thousand_records(file: Path) -> None:
    with inspected(file.as_uri()) as shown:
        shown.until("document.body && document.body.dataset.ready === 'yes'")
        assert shown.run("trace.records.length") >= MANY
        assert shown.run("document.getElementById('title').textContent").startswith("</script>")
        # Only what is in sight exists.
        assert shown.run("document.querySelectorAll('.row').length") < 200
        assert shown.run("document.querySelectorAll('#timeline rect').length") > 100
        assert shown.run("document.querySelectorAll('#paths .bar').length") >= 5
        opens_by_click(shown)
        opens_by_key(shown)
        searches(shown)
        opens_every(shown)
        assert shown.run("window.broken") is None
        assert shown.troubles == []


def opens_by_click(shown: Page) -> None:
    shown.run("document.querySelectorAll('.row')[3].click()")
    title = shown.run("document.querySelector('.row.chosen b').textContent")
    assert shown.run("document.querySelector('#record h3').textContent") == title
    assert shown.run("document.querySelector('#record pre').textContent").startswith("{")


def opens_by_key(shown: Page) -> None:
    shown.run("document.getElementById('rows').focus()")
    before = shown.run("choice.number")
    shown.ask("Input.dispatchKeyEvent", type="keyDown", key="End")
    assert shown.run("choice.number") > before
    shown.until("document.getElementById('rows').scrollTop > 100000")
    assert shown.run("document.querySelector('.row.chosen') !== null")


def searches(shown: Page) -> None:
    shown.run("search.value = 'change 1234'; search.dispatchEvent(new Event('input'))")
    found = shown.run("document.getElementById('count').textContent")
    assert 0 < int(found.split()[0]) < 20
    shown.run("search.value = ''; search.dispatchEvent(new Event('input'))")


def opens_every(shown: Page) -> None:
    """Opens one record of every kind, the quiet ones that are not listed included."""
    names = shown.run(
        """
        (() => {
          const first = new Map(trace.records.map((record, number) => [record[NAME], number]));
          for (const number of first.values()) {
            choose(number);
            JSON.parse(document.querySelector('#record pre').textContent);
            if (!document.querySelector('.row.chosen')) throw new Error(`${number} is not in sight`);
          }
          return [...first.keys()];
        })()
        """
    )
    assert {"Connect", "Request", "Replied", "ChannelText", "Interact", "MediaSeen"} <= set(names)
