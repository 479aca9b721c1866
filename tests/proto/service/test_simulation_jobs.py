"""Simulations: from the queue to the video, what is refused or fails, and who may see them."""

import json
from typing import Any

import pytest

from odyssey_proto.messages.recordings import GET_RECORDING
from odyssey_proto.messages.simulations import GET_SIMULATE_STATUS, LIST_SIMULATIONS
from odyssey_proto.model.recordings import Recording
from odyssey_proto.model.simulations import SimulationJobDetail
from odyssey_proto.model.simulations import SimulationJobStatus as S
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.service.films import jobs
from odyssey_proto.service.io.faults import FailJob, UnknownState
from odyssey_proto.service.io.film import Film
from odyssey_proto.service.io.seam import FetchScript, Rendered, RenderFailed, ScriptFetched
from tests.proto.service.films_by_hand import SIZES, renders
from tests.proto.service.service_by_hand import ServiceByHand

SCRIPT = [
    {"timestamp_ms": 0, "start": {"prompt": "A cat"}},
    {"timestamp_ms": 1000, "interact": {"prompt": "Pet it"}},
    {"timestamp_ms": 2000, "end": {}},
]
PAUSE_SECONDS = 0.2


def entered(*names: Any, **config: Any) -> ServiceByHand:
    guest = ServiceByHand(*names, **config)
    guest.enter()
    return guest


def queued(guest: ServiceByHand, **body: Any) -> str:
    reply = guest.reply("POST", "/simulation-jobs", {"script": SCRIPT, **body})
    assert reply.status == 201, reply.body
    return str(json.loads(reply.body)["job_id"])


def job_of(guest: ServiceByHand, name: str) -> SimulationJobDetail:
    found = GET_SIMULATE_STATUS.decode_reply(guest.reply("GET", f"/simulation-jobs/{name}"))
    assert isinstance(found, SimulationJobDetail)
    return found


def begun(guest: ServiceByHand, **body: Any) -> tuple[str, list[Film]]:
    """Queues a job and waits until it is drawn."""
    name = queued(guest, **body)
    return name, renders(guest.wait(2 * PAUSE_SECONDS))


def test_a_job_from_the_queue_to_its_video() -> None:
    guest = entered(b"", 1_800_000_000_000_000)
    name = queued(guest)
    assert (job_of(guest, name).status, job_of(guest, name).estimated_wait_minutes) == (S.PENDING, 0.0033)
    assert guest.wait(PAUSE_SECONDS) == []
    job = job_of(guest, name)
    assert (job.status, job.assigned_region, job.dispatched_at) == (
        S.DISPATCHED,
        "local",
        "2027-01-15T08:00:00.200Z",
    )
    (film,) = renders(guest.wait(PAUSE_SECONDS))
    assert job_of(guest, name).status is S.PROCESSING
    assert [(shot.at, shot.scene.prompts) for shot in film.shots] == [
        (0, ("A cat",)),
        (1_000_000, ("A cat", "Pet it")),
    ]
    assert (film.length, film.frame_count, film.duration, film.portrait) == (2_000_000, 48, 2.0, True)
    assert job_of(guest, name).streams == []
    guest.step(Rendered(film.stream_id, SIZES))
    job = job_of(guest, name)
    assert (job.status, job.completed_at, job.error_message) == (
        S.COMPLETED,
        "2027-01-15T08:00:00.400Z",
        None,
    )
    (stream,) = job.streams
    assert (stream.stream_id, stream.frame_count, stream.duration_seconds) == (film.stream_id, 48, 2.0)
    guest.finish()


def test_a_batch_is_drawn_one_script_after_another() -> None:
    guest = entered()
    name = queued(guest, script=None, scripts=[SCRIPT, SCRIPT, SCRIPT], portrait=False)
    drawn = renders(guest.wait(2 * PAUSE_SECONDS))
    for count in range(3):
        assert len(drawn) == count + 1
        assert len(job_of(guest, name).streams) == count
        assert drawn[-1].portrait is False
        drawn += renders(guest.step(Rendered(drawn[-1].stream_id, SIZES)))
    job = job_of(guest, name)
    assert job.status is S.COMPLETED
    assert [(one.stream_id, one.script_index) for one in job.streams] == [
        (film.stream_id, number) for number, film in enumerate(drawn)
    ]


def test_jobs_wait_for_a_slot() -> None:
    guest = entered(job_slots=1)
    one, two = queued(guest), queued(guest)
    assert job_of(guest, two).estimated_wait_minutes == pytest.approx(0.0067, abs=0.0001)
    (film,) = renders(guest.wait(10))
    assert (job_of(guest, one).status, job_of(guest, two).status) == (S.PROCESSING, S.PENDING)
    guest.step(Rendered(film.stream_id, SIZES))
    assert len(renders(guest.wait(10))) == 1
    assert job_of(guest, two).status is S.PROCESSING


@pytest.mark.parametrize("origin", ["https://example.org", "https://example.org/any/path", "*"])
def test_a_script_at_an_address(origin: str) -> None:
    guest = entered(script_origins=[origin])
    name = queued(guest, script=None, script_url="https://example.org/script.json")
    (fetch,) = [output for output in guest.wait(2 * PAUSE_SECONDS) if isinstance(output, FetchScript)]
    assert (fetch.job_id, fetch.url.reveal()) == (name, "https://example.org/script.json")
    assert len(renders(guest.step(ScriptFetched(name, json.dumps(SCRIPT).encode())))) == 1
    assert guest.step(ScriptFetched(name, b"again")) == []
    assert guest.step(ScriptFetched("nobody", b"")) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/script.json",
        "http://example.org/script.json",
        "https://example.org:8443/script.json",
        "https://sub.example.org/script.json",
        "http://127.0.0.1/script.json",
    ],
)
@pytest.mark.parametrize("origins", [[], ["https://example.org"]])
def test_nobody_is_contacted_for_a_script_unless_it_is_allowed(origins: list[str], url: str) -> None:
    guest = entered(script_origins=origins)
    reply = guest.reply("POST", "/simulation-jobs", {"script_url": url})
    assert reply.status == 400
    assert b"--allow-script-origin" in reply.body
    assert not any(isinstance(output, FetchScript) for output in guest.wait(5))


def test_the_old_words_for_what_is_under_way() -> None:
    guest = entered(old_status_words=True)
    name = queued(guest)
    seen = [job_of(guest, name).status]
    for _ in range(2):
        guest.wait(PAUSE_SECONDS)
        seen.append(job_of(guest, name).status)
        listed = json.loads(guest.reply("GET", "/simulation-jobs", query={"status": "running"}).body)
        assert [job["status"] for job in listed["jobs"]] == ["running"]
    assert seen == [S.PENDING, S.RUNNING, S.RUNNING]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "could not be loaded"),
        (b"{", "breaks a rule"),
        (b"{}", "breaks a rule"),
        (b"\xff", "breaks a rule"),
        (json.dumps(SCRIPT[:-1]).encode(), "breaks a rule"),
        (json.dumps([*SCRIPT[:-1], {"timestamp_ms": 700_000, "end": {}}]).encode(), "breaks a rule"),
    ],
)
def test_a_script_that_cannot_be_had_fails_its_job(body: bytes | None, words: str) -> None:
    guest = entered(script_origins=["*"])
    name, _ = begun(guest, script=None, script_url="https://example.org/script.json")
    guest.step(ScriptFetched(name, body))
    job = job_of(guest, name)
    assert job.status is S.FAILED
    assert words in (job.error_message or "")
    guest.finish()


def test_a_script_that_never_comes_fails_its_job() -> None:
    guest = entered(script_origins=["*"])
    name, _ = begun(guest, script=None, script_url="https://example.org/script.json")
    guest.wait(60)
    assert job_of(guest, name).error_message == "the script could not be loaded in time"


def test_a_job_that_cannot_be_drawn_fails() -> None:
    guest = entered()
    name, (film,) = begun(guest)
    guest.step(RenderFailed(film.stream_id))
    job = job_of(guest, name)
    assert (job.status, job.error_message, job.streams) == (S.FAILED, "the video could not be made", [])


@pytest.mark.parametrize(
    ("config", "script", "words"),
    [
        ({"moderated": ["cat"]}, SCRIPT, "moderation"),
        ({"moderated": ["pet"]}, SCRIPT, "moderation"),
        (
            {"image_to_video": False},
            [{"timestamp_ms": 0, "start": {"prompt": "x", "image": "data:image/png;base64,AA"}}, SCRIPT[-1]],
            "no images",
        ),
        ({"faults": [FailJob("a fault")]}, SCRIPT, "a fault"),
    ],
)
def test_what_a_streamer_would_not_show_fails_a_job(config: Any, script: Any, words: str) -> None:
    guest = entered(**config)
    name, drawn = begun(guest, script=script)
    assert drawn == []
    assert words in (job_of(guest, name).error_message or "")


def test_a_state_that_no_client_knows() -> None:
    guest = entered(faults=[UnknownState(times=2)])
    name = queued(guest)
    assert job_of(guest, name).status is S.UNKNOWN
    assert job_of(guest, name).status is S.PENDING


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"script": SCRIPT[:-1]}, 400),
        ({"script": []}, 400),
        ({"script": [*SCRIPT[:-1], {"timestamp_ms": 601_000, "end": {}}]}, 400),
        ({"scripts": [SCRIPT, SCRIPT[1:]]}, 400),
        ({"scripts": [[*SCRIPT[:-1], {"timestamp_ms": 601_000, "end": {}}]]}, 400),
        ({"script": SCRIPT, "bypass_vlm_expansion": True}, 403),
        ({"script": 7}, 422),
    ],
)
def test_a_bad_job_is_refused(body: Any, status: int) -> None:
    guest = entered(bypass_allowed=False)
    assert guest.reply("POST", "/simulation-jobs", body).status == status
    assert guest.service.deadline is None


def test_the_queue_has_a_limit_for_each_key() -> None:
    guest = entered(job_queue=2)
    names = [queued(guest), queued(guest)]
    refused = guest.reply("POST", "/simulation-jobs", {"script": SCRIPT})
    assert refused.status == 429
    assert json.loads(refused.body)["detail"]["details"] == {"active_count": 2, "limit": 2}
    guest.reply("DELETE", f"/simulation-jobs/{names[0]}")
    queued(guest)
    guest.enter("ody_another")
    queued(guest)


@pytest.mark.parametrize("waits", [0.0, PAUSE_SECONDS])
def test_a_job_that_was_not_begun_is_cancelled(waits: float) -> None:
    guest = entered()
    name = queued(guest)
    guest.wait(waits)
    reply = guest.reply("DELETE", f"/simulation-jobs/{name}")
    assert (reply.status, json.loads(reply.body)["status"]) == (200, "cancelled")
    assert renders(guest.wait(10)) == []
    again = guest.reply("DELETE", f"/simulation-jobs/{name}")
    assert (again.status, json.loads(again.body)["detail"]) == (
        400,
        "A job that is cancelled cannot be cancelled",
    )


def test_a_cancelled_script_that_still_comes_is_ignored() -> None:
    guest = entered()
    name, (film,) = begun(guest)
    assert guest.reply("DELETE", f"/simulation-jobs/{name}").status == 400
    guest.step(Rendered(film.stream_id, SIZES))
    assert guest.step(Rendered(film.stream_id, SIZES)) == []
    assert guest.step(Rendered("nobody", SIZES)) == []


def test_what_is_over_keeps_no_images() -> None:
    """They may have 25 MB each, and a thousand jobs are kept."""
    image = "data:image/png;base64," + "A" * 1000
    guest = entered()
    script = [{"timestamp_ms": 0, "start": {"prompt": "A cat", "image": image}}, *SCRIPT[1:]]
    name, [film] = begun(guest, script=script)
    assert film.shots[0].scene.image == image
    guest.step(Rendered(film.stream_id, SIZES))
    assert job_of(guest, name).status is S.COMPLETED
    cancelled = queued(guest, script=script)
    guest.reply("DELETE", f"/simulation-jobs/{cancelled}")
    films = guest.service._films  # type: ignore[attr-defined]  # what it keeps cannot be asked for
    kept = [*films.jobs._jobs.values()]
    assert [job.over for job in kept] == [True, True]
    assert [job.scripts for job in kept] == [(), ()]
    everywhere = [*kept[0].films, films.store.film(film.stream_id)]
    assert [shot.scene.image for each in everywhere for shot in each.shots] == [None] * 4


def test_what_a_job_made_is_a_recording() -> None:
    guest = entered()
    name, (film,) = begun(guest)
    path = f"/recordings/{film.stream_id}"
    assert guest.reply("GET", path).status == 404
    guest.step(Rendered(film.stream_id, SIZES))
    recording = GET_RECORDING.decode_reply(guest.reply("GET", path))
    assert isinstance(recording, Recording)
    (stream,) = job_of(guest, name).streams
    assert (recording.video_url, recording.frame_count) == (stream.video_url, 48)
    guest.enter("ody_another")
    assert guest.reply("GET", path).status == 404


def test_a_job_says_when_to_ask_again_until_it_is_over() -> None:
    guest = entered()
    name, (film,) = begun(guest)
    path = f"/simulation-jobs/{name}"
    assert guest.reply("GET", path).header("retry-after") == "1"
    guest.step(Rendered(film.stream_id, SIZES))
    assert guest.reply("GET", path).header("retry-after") is None


def test_jobs_of_others_are_not_seen() -> None:
    guest = entered()
    name = queued(guest)
    guest.enter("ody_another")
    assert guest.reply("GET", f"/simulation-jobs/{name}").status == 403
    assert guest.reply("DELETE", f"/simulation-jobs/{name}").status == 403
    assert guest.reply("GET", "/simulation-jobs/nobody").status == 404
    assert json.loads(guest.reply("GET", "/simulation-jobs").body)["total"] == 0


def test_lists_come_in_pages_and_by_state() -> None:
    guest = entered(job_queue=100)
    names = [queued(guest) for _ in range(5)]
    guest.reply("DELETE", f"/simulation-jobs/{names[1]}")

    def listed(**query: str) -> tuple[list[str], int]:
        found = LIST_SIMULATIONS.decode_reply(guest.reply("GET", "/simulation-jobs", query=query))
        assert not isinstance(found, HttpReply)
        return [job.job_id for job in found.jobs], found.total  # type: ignore[union-attr]  # a Failure has no jobs

    newest_first = names[::-1]
    assert listed() == (newest_first, 5)
    assert listed(limit="2") == (newest_first[:2], 5)
    assert listed(limit="2", offset="4") == (newest_first[4:], 5)
    assert listed(status="cancelled") == ([names[1]], 1)
    assert listed(active="true") == ([name for name in newest_first if name != names[1]], 4)
    assert listed(active="false") == ([names[1]], 1)
    assert guest.reply("GET", "/simulation-jobs", query={"limit": "0"}).status == 422


def test_of_many_jobs_the_oldest_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_JOBS", 2)
    guest = entered()
    one, two = queued(guest), queued(guest)
    assert guest.reply("POST", "/simulation-jobs", {"script": SCRIPT}).status == 503
    guest.reply("DELETE", f"/simulation-jobs/{one}")
    queued(guest)
    assert guest.reply("GET", f"/simulation-jobs/{one}").status == 404
    assert job_of(guest, two).status is S.PENDING
