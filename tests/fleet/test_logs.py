"""`logs` and `watch`: what is going on now."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from runner import metrics as runner_metrics
from runner.usage import Usage

from fleet.access import Access
from fleet.find import NotFound
from fleet.logs import Stream, job_of_attempt, lines
from fleet.options import table_of
from fleet.output import Refused
from fleet.watch import Changes
from tests.fleet.lab import Offices, at, moved, run


class Aws:
    """Batch with one job, and its log as CloudWatch pages it: the last token again at the end."""

    def __init__(
        self, *pages: list[str], statuses: tuple[str, ...] = ("SUCCEEDED",), stream: str | None = "s"
    ):
        self.pages, self.statuses, self.stream = list(pages), list(statuses), stream
        self.asked = 0

    def client(self, service: str, office: Any) -> "Aws":
        return self

    def describe_jobs(self, jobs: list[str]) -> Any:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        container = {"logStreamName": self.stream} if self.stream else {}
        return {"jobs": [{"jobId": jobs[0], "status": status, "container": container}]}

    def get_log_events(self, nextToken: str = "0", **_: Any) -> Any:  # noqa: N803
        self.asked += 1
        at = int(nextToken)
        page = self.pages[at] if at < len(self.pages) else None
        events = [{"timestamp": 1, "message": text} for text in page or []]
        return {"events": events, "nextForwardToken": str(at if page is None else at + 1)}


def texts(aws: Aws, offices: Offices, **more: Any) -> list[str]:
    access: Any = aws
    return [line.text for line in lines(access, offices.office("eu"), "j1", **more)]


def test_a_log_of_many_pages_is_shown_once_and_whole(offices: Offices) -> None:
    """CloudWatch gives an empty page in between, and the last page's token for ever."""
    assert texts(Aws(["a", "b"], [], ["c"]), offices) == ["a", "b", "c"]


def test_lines_that_are_metrics_are_left_out(offices: Offices) -> None:
    """The last line of every log would be one that nobody can read."""
    used = Usage(wall_s=60.0, cpu_s=30.0, max_rss_mib=3000, max_anonymous_mib=2000, max_disk_mib=10)
    job = Mock(office="eu", run_id="r1", attempt=1, pipeline="metagenome", memory_mib=6000)
    assert texts(Aws(["published 4 files", runner_metrics.line(job, used, 1.0)]), offices) == [
        "published 4 files"
    ]


def test_following_goes_on_until_the_job_has_ended(offices: Offices) -> None:
    """Neither may the last lines be missing, nor any come twice."""
    aws = Aws(["a"], statuses=("RUNNING", "RUNNING", "SUCCEEDED"))
    later = [["b"], ["c"]]
    found = texts(aws, offices, follow=True, sleep=lambda _: aws.pages.append(later.pop(0)))
    assert found == ["a", "b", "c"]


def test_a_job_without_a_log_says_why(offices: Offices) -> None:
    """A job that never started has no stream: an empty answer would look like a silent pipeline."""
    with pytest.raises(NotFound, match="RUNNABLE and has no log"):
        texts(Aws(statuses=("RUNNABLE",), stream=None), offices)


def test_a_job_that_batch_has_forgotten_is_told_from_one_that_never_was(offices: Offices) -> None:
    """After a week the log is still there: say where."""
    aws = Aws()
    aws.describe_jobs = lambda jobs: {"jobs": []}  # type: ignore[method-assign]
    with pytest.raises(Refused, match="/globalbi/eu/jobs"):
        texts(aws, offices)


def test_an_attempt_is_chosen_by_its_number() -> None:
    """The last attempt's log does not say why the first one failed."""
    row = {"run_id": "r1", "attempts": [{"number": 1, "job_id": "a"}, {"number": 2, "job_id": "b"}]}
    assert job_of_attempt(row, None) == "b"
    assert job_of_attempt(row, 1) == "a"
    with pytest.raises(NotFound, match="attempts 1, 2, no 3"):
        job_of_attempt(row, 3)


def test_a_log_line_cannot_steer_the_terminal(offices: Offices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools print names of reads, and those come from uploads."""
    one = moved(run(1), "running")
    offices.at_headquarters("eu", moved(run(1), "running", attempts=one.with_attempt(1, job_id="j1")))
    aws = Aws(["\x1b]0;owned\x07 [red]read"])
    real = Access.client
    monkeypatch.setattr(
        Access, "client", lambda self, s, office: aws if s in ("batch", "logs") else real(self, s, office)
    )
    answer = offices.fleet("logs", "soil/S1")
    assert r"\x1b]0;owned\x07 [red]read" in answer.out
    assert "\x1b" not in answer.out


class Logs:
    """CloudWatch Logs of one account: what each group holds, found by a filter on the run's id."""

    def __init__(self, groups: dict[str, list[dict[str, Any]]]) -> None:
        self.groups = groups
        self.asked: list[str] = []

    def get_paginator(self, name: str) -> "Logs":
        assert name == "filter_log_events"
        return self

    def paginate(self, logGroupName: str, startTime: int, filterPattern: str) -> Any:  # noqa: N803
        self.asked.append(logGroupName)
        run_id = filterPattern.removeprefix('{ $.run_id = "').removesuffix('" }')
        lines = [each for each in self.groups.get(logGroupName, []) if each["run_id"] == run_id]
        at_ms = [{"timestamp": startTime + each["after"], "message": json.dumps(each)} for each in lines]
        return [{"events": at_ms[:1]}, {"events": at_ms[1:]}]


def test_what_every_function_said_of_a_run_is_put_together(
    offices: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From upload to delivery a run goes through five functions' logs: nobody finds it in each by hand."""
    one = run(1)
    offices.at_headquarters("eu", one)
    said = {"level": "INFO", "service": "x", "run_id": one.run_id}
    aws = Logs(
        {
            "/aws/lambda/globalbi-eu-progress": [
                {**said, "after": 30, "message": "moved", "state": "running"},
                {**said, "after": 31, "message": "of another run", "run_id": "r0"},
                {**said, "after": 90, "message": "moved", "state": "succeeded"},
            ],
            "/aws/lambda/globalbi-eu-intake": [{**said, "after": 10, "message": "claimed \x1b[31m"}],
            "/aws/lambda/globalbi-hq-fleet": [{**said, "after": 95, "message": "kept"}],
        }
    )
    real = Access.client
    monkeypatch.setattr(
        Access, "client", lambda self, s, office: aws if s == "logs" else real(self, s, office)
    )
    answer = offices.fleet("logs", "soil/S1", "--steps")
    told = [line.split("  ", 1)[1] for line in answer.out.splitlines()]
    assert [line.split(" (")[0] for line in told] == [
        r"intake: INFO claimed \x1b[31m",
        "progress: INFO moved",
        "progress: INFO moved",
        "fleet: INFO kept",
    ]
    assert "state succeeded" in told[2]
    assert "/aws/lambda/globalbi-eu-delivery" not in aws.asked, "eu delivers to nobody: it has no such group"


def test_a_stream_is_read_on_from_where_it_was_left() -> None:
    """Following a long log must not read all of it again each time."""
    aws = Aws(["a"])
    stream = Stream(logs=aws, group="g", name="s")
    assert [line.text for line in stream.read_on()] == ["a"]
    aws.pages.append(["b"])
    aws.asked = 0
    assert [line.text for line in stream.read_on()] == ["b"]
    assert aws.asked <= 2


def test_every_change_is_seen_once_also_one_that_came_late(offices: Offices) -> None:
    """Events come in any order: a transition of ten minutes ago may arrive now."""
    clock = datetime.now(UTC)

    def ago(seconds: int) -> str:
        return (clock - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    one, late = run(1, updated=ago(60)), run(2, updated=ago(600))
    changes = Changes(table=table_of(offices.access), offices=["hq", "eu", "us"], clock=lambda: clock)
    offices.at_headquarters("eu", one)
    assert changes.look() == []
    offices.at_headquarters("eu", one.moved("running", ago(5)))
    offices.at_headquarters("us", late)
    assert [(row["office"], row["state"]) for row in changes.look()] == [
        ("us", "received"),
        ("eu", "running"),
    ]
    assert changes.look() == []


def test_watch_ends_when_its_time_is_up_and_speaks_json_lines(
    offices: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a program that acts on changes."""
    looks = [[], [{"office": "eu", "state": "running", "pk": "office#eu", "updated": at(1)}]]
    monkeypatch.setattr(Changes, "look", lambda self: looks.pop(0) if looks else [])
    answer = offices.fleet("watch", "--json", "--every", "0.2", "--seconds", "0.3")
    assert answer.code == 0
    [told] = [json.loads(line) for line in answer.out.splitlines()]
    assert told.pop("cost")
    assert told == {"office": "eu", "state": "running", "updated": at(1)}
