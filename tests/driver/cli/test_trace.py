"""`odyssey trace`, as a user runs it."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from core.traced_sessions import giving, recorded
from house.command import ran

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.seam.commands import Connect, Interact, StartStream
from odyssey_proto.trace import BEHAVIOUR, lines

COMMAND = [sys.executable, "-W", "error", "-m", "odyssey", "trace"]
TRACES = Path(__file__).parents[2] / "traces/1"
GOOD = TRACES / "good.jsonl"
LAST = 3_220_000
"""When its last step is, in microseconds."""


trace = partial(ran, "trace")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace with its secrets, as no export writes it."""
    path = tmp_path_factory.mktemp("raw") / "raw.jsonl"
    script = giving([Connect(), StartStream("A cat"), Interact("Pet it <b>now</b>")])
    path.write_text("\n".join(lines(recorded(script))) + "\n")
    return path


def test_show_tells_the_story() -> None:
    done = trace("show", GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("without secrets", "authenticate", "POST /sessions/request", "── ready", "stream started"):
        assert words in done.stdout
    assert "waits: " not in done.stdout
    assert "waits: " in trace("show", "--all", GOOD).stdout
    assert trace("show", "-", given=GOOD.read_text()).stdout == done.stdout


def test_show_tells_what_is_wrong_with_a_recording() -> None:
    assert "The recorder was full" in trace("show", TRACES / "cut.jsonl").stdout


def test_a_file_that_was_cut_off_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "short.jsonl"
    path.write_text("".join(GOOD.read_text().splitlines(keepends=True)[:-3]))
    said = "The file stops without its end record: lines may be missing.\n"
    for job in ("show", "replay"):
        done = trace(job, path)
        assert done.returncode == 0
        assert said in done.stdout
    assert trace("html", path).returncode == 0
    assert said.strip() in path.with_suffix(".html").read_text()
    assert trace("redact", path, tmp_path / "copy.jsonl").returncode == 0
    assert said in trace("replay", tmp_path / "copy.jsonl").stdout


def test_replay_tells_of_an_input_that_broke_the_core(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    *before, _, end = GOOD.read_text().splitlines()
    steps = len(before) // 2 - 1
    path.write_text("\n".join([*before, end.replace(f'"steps":{steps + 1}', f'"steps":{steps}')]) + "\n")
    done = trace("replay", path)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{steps} steps, all the same again",
        "The last input broke the core that was recorded; this core takes it.",
    ]
    plant = (
        "import runpy, sys\n"
        "from odyssey_proto.client.client import Client; step = Client.step\n"
        "def broken(self, now, inp):\n"
        f"    if now >= {LAST}: raise ZeroDivisionError\n"
        "    return step(self, now, inp)\n"
        "Client.step = broken; sys.argv[0] = 'odyssey'; runpy.run_module('odyssey', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", plant, "trace", "replay", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert f"step {steps} at {LAST} µs: SocketClosed" in done.stdout
    assert "+the core breaks: ZeroDivisionError in " in done.stdout


def test_a_recording_with_a_field_of_another_type_is_refused_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "edited.jsonl"
    path.write_text(GOOD.read_text().replace('"exchange":1,"reply"', '"exchange":{"$map":[]},"reply"', 1))
    for job in (["show"], ["html"], ["replay"], ["redact", tmp_path / "x"], ["diff", GOOD], ["repl"]):
        done = trace(job[0], path, *job[1:])
        assert (done.returncode, done.stdout) == (2, "")
        assert "line 4: the field 'exchange' of Replied cannot hold this" in done.stderr


def test_replay_says_whether_it_goes_the_same_way(tmp_path: Path) -> None:
    assert trace("replay", GOOD).stdout.endswith("steps, all the same again\n")
    edited = tmp_path / "edited.jsonl"
    edited.write_text(GOOD.read_text().replace('"A cat', '"A dog', 1))
    done = trace("replay", edited)
    assert done.returncode == 1
    assert "A dog" in done.stdout
    assert "A replay goes another way" in trace("show", edited).stdout


def test_replay_says_when_the_core_has_moved_on(tmp_path: Path) -> None:
    """An older core waited for something else once, which its application could not see."""
    older = tmp_path / "older.jsonl"
    *lines, end = GOOD.read_text().replace(f'"behaviour":{BEHAVIOUR}', '"behaviour":0', 1).splitlines()
    record = json.loads(lines[-1])
    record["data"]["deadline"] = [
        record["time"] + 7,
        {"$enum": ["ClientTimer", next(iter(ClientTimer)).name]},
    ]
    lines[-1] = json.dumps(record)
    older.write_text("\n".join([*lines, end]) + "\n")
    done = trace("replay", older)
    assert done.returncode == 0
    assert done.stdout.startswith(f"recorded by a core of behaviour 0, replayed by one of {BEHAVIOUR}: step ")
    assert done.stdout.endswith("went another way than recorded, and the application sees the same\n")
    assert "had behaviour 0" in trace("show", older).stdout
    other = older.read_text().replace('{"$":"StreamEnded"}', '{"$":"FramesResumed","received":1}', 1)
    older.write_text(other)
    done = trace("replay", older)
    assert done.returncode == 1
    assert "and then something else than recorded" in done.stdout


def test_redact_writes_a_copy_that_replays(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.jsonl"
    done = trace("redact", raw, out, "--prompts", "hash")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(out)
    text = out.read_text()
    assert "ody_0123456789abcdef" in raw.read_text()
    assert "ody_0123456789abcdef" not in text
    assert "A cat" not in text
    assert trace("replay", out).returncode == 0
    again = trace("redact", raw, tmp_path / "no" / "folder" / "x.jsonl")
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1


def test_diff_names_what_is_different(raw: Path, tmp_path: Path) -> None:
    assert trace("diff", GOOD, GOOD).returncode == 0
    other = tmp_path / "other.jsonl"
    script = giving([Connect(), StartStream("A cat"), Interact("Feed it"), Interact("Pet it")])
    other.write_text("\n".join(lines(recorded(script))) + "\n")
    done = trace("diff", raw, other)
    assert done.returncode == 1
    assert "Feed it" in done.stdout
    assert "only in the second" in done.stdout.splitlines()[-1]


def test_the_repl_goes_forward_and_back() -> None:
    good = "next|next 3|back|state|why|goto 2|show|list 1|find stream started|why 0|7|-1||"
    odd = f"show 99999|diff {GOOD}|diff nowhere|nonsense|goto x|quit"
    done = trace("repl", GOOD, given=f"{good}{odd}\n".replace("|", "\n"))
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("Connect", "status", "steps the same", "there are records from 0", "a number is needed"):
        assert words in done.stdout
    assert "there is no command 'nonsense'" in done.stdout
    assert "cannot read nowhere" in done.stdout
    assert trace("repl", GOOD, given="").returncode == 0


def test_the_repl_gives_a_core_to_play_with() -> None:
    done = trace("repl", GOOD, given="next\npython\nprint(machine.status.value, len(cursor))\n")
    assert done.returncode == 0
    assert "authenticating" in done.stdout


def test_html_is_one_page_without_secrets(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    done = trace("html", raw, "-o", out)
    assert (done.returncode, done.stdout.strip()) == (0, str(out))
    text = out.read_text()
    assert "ody_0123456789abcdef" not in text
    assert "<b>now" not in text
    frame, _, rest = text.partition('<script type="application/json" id="data">')
    assert "default-src 'none'" in frame
    programs = rest.partition("</script>")[2]
    assert "http" not in frame.replace("http-equiv", "") + programs.replace("http://www.w3.org/2000/svg", "")
    usual = tmp_path / "copy.jsonl"
    usual.write_bytes(GOOD.read_bytes())
    assert trace("html", usual).stdout.strip() == str(tmp_path / "copy.html")


def test_html_shows_secrets_only_when_asked_to(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert trace("html", raw, "--raw", "-o", out).returncode == 0
    assert "ody_0123456789abcdef" in out.read_text()
    assert trace("html", raw, "-o", tmp_path).returncode == 2


def test_every_job_has_results_for_programs(raw: Path, tmp_path: Path) -> None:
    page, copy = tmp_path / "page.html", tmp_path / "copy.jsonl"
    records = [json.loads(line) for line in trace("show", raw, "--json").stdout.splitlines()]
    assert {"seconds", "step", "source", "target", "title", "detail", "value"} == set(records[0])
    assert "ody_0123456789abcdef" not in str(records)
    assert len(records) < len(trace("show", raw, "--json", "--all").stdout.splitlines())
    assert json.loads(trace("html", raw, "--json", "-o", page).stdout) == {"page": str(page)}
    assert json.loads(trace("redact", raw, copy, "--json").stdout) == {"copy": str(copy)}
    assert json.loads(trace("replay", copy, "--json").stdout)["same"] is True
    assert trace("diff", copy, copy, "--json").stdout == ""
    done = trace("diff", copy, GOOD, "--json")
    assert done.returncode == 1
    assert {json.loads(line)["match"] for line in done.stdout.splitlines()} <= {"changed", "left", "right"}


HOSTILE = {
    "empty": "",
    "not JSON": "nonsense\n",
    "foreign": '{"a": 1}\n{"b": 2}\n',
    "newer": GOOD.read_text().replace("urn:odyssey:trace:1", "urn:odyssey:trace:99", 1),
    "deep": GOOD.read_text().splitlines()[0] + "\n" + "[" * 100_000 + "\n",
    "huge": GOOD.read_text().splitlines()[0] + "\n" + '"' + "a" * 30_000_000 + '"\n',
    "wrong types": GOOD.read_text().replace('"time":', '"time":"x","t":', 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.jsonl"
    path.write_text(HOSTILE[name])
    for job in ("show", "html", "replay", "repl") if name == "deep" else ("show",):
        done = trace(job, path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "line " in done.stderr or name == "empty"


def test_a_file_that_was_cut_off_is_shown_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(GOOD.read_bytes()[:-200])
    done = trace("show", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("trace of a ")
    assert "without its end record: lines may be missing" in done.stdout


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    done = trace("show", tmp_path / "nowhere.jsonl")
    assert done.returncode == 2
    assert "cannot read" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    shell = f"{' '.join(COMMAND)} show --all {GOOD} | head -1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=50, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("out", [["-o", "-"], ["--out=-"]])
def test_a_page_goes_to_the_standard_output_if_that_is_asked_for(out: list[str], tmp_path: Path) -> None:
    written = tmp_path / GOOD.with_suffix(".html").name
    assert trace("html", GOOD, "-o", written).returncode == 0
    done = subprocess.run([*COMMAND, "html", str(GOOD), *out], capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == written.read_bytes()


def test_a_copy_goes_to_the_standard_output_if_that_is_asked_for(raw: Path, tmp_path: Path) -> None:
    done = trace("redact", "-", "-", given=raw.read_text())
    assert (done.returncode, done.stderr) == (0, "")
    assert trace("redact", raw, tmp_path / "copy.jsonl").returncode == 0
    assert done.stdout == (tmp_path / "copy.jsonl").read_text()
    assert trace("replay", "-", given=done.stdout).returncode == 0


@pytest.mark.parametrize(
    ("encoding", "variables"),
    [
        ("ascii", {"PYTHONIOENCODING": "ascii"}),
        ("cp1251", {"PYTHONIOENCODING": "cp1251"}),
        ("ascii", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    ],
    ids=["ascii", "cp1251", "C"],
)
@pytest.mark.parametrize("job", [("show", "--all", GOOD), ("diff", "--all", GOOD, GOOD), ("replay", GOOD)])
def test_a_terminal_of_any_encoding_shows_it(
    job: tuple[str | Path, ...], encoding: str, variables: dict[str, str]
) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON"))}
    done = subprocess.run(
        [*COMMAND, *map(str, job)],
        capture_output=True,
        timeout=50,
        check=False,
        env={**inherited, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **variables},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    shown, wide = done.stdout.decode(encoding), trace(*job).stdout
    # None of them has the arrow.
    assert (shown.count("->"), shown.count("\n")) == (wide.count("→"), wide.count("\n"))
