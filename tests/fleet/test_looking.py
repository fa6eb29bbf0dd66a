"""`status`, `samples`, `sample`: what people at headquarters ask all day."""

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from components.alarms import NOT_MENDED, STANDSTILL
from components.names import physical
from fleet.table import STATES, Filter, queries
from handlers import fleet as fleet_events
from handlers.notify import DETAIL_TYPE, SOURCE, event_of
from handlers.run import Run
from tests.fleet.lab import DIGEST, START, Offices, at, moved, run

HOSTILE = "[red]x\x1b[31m\x1b]0;t\x07\nrow\u202e:smile:[link=e]"


@pytest.fixture
def many(offices: Offices) -> list[tuple[str, Run]]:
    """Runs of all states, offices, projects and two releases; every fourth in the same millisecond."""
    kinds = itertools.product(("hq", "eu", "us"), STATES, ("soil", "gut"))
    made = []
    for number, (office, state, project) in enumerate(kinds, start=1):
        digest = DIGEST if number % 3 else "sha256:" + "b" * 64
        one = run(number, project=project, release_digest=digest)
        one = moved(one, state, seconds=100 + number // 4)
        offices.at_headquarters(office, one)
        made.append((office, one))
    return made


def test_every_question_is_answered_in_full(offices: Offices, many: list[tuple[str, Run]]) -> None:
    """A run that a filter should show and does not is a sample that nobody looks for."""
    for office, project, states, release, since in itertools.product(
        (None, "eu"),
        (None, "gut"),
        ((), ("failed",), ("running", "submitted", "received"), ("failed", "running")),
        (None, DIGEST),
        (None, at(103)),
    ):
        words = ["samples", "--json", "--limit", "1000"]
        for option, value in (("--office", office), ("--project", project), ("--release", release)):
            words += [option, value] if value else []
        words += [word for state in states for word in ("--state", state)]
        words += ["--since", since] if since else []
        found = offices.fleet(*words).json["runs"]
        wanted = [
            one.run_id
            for name, one in many
            if office in (None, name)
            and project in (None, one.sample.project)
            and (not states or one.state in states)
            and release in (None, one.release_digest)
            and (since is None or one.updated >= since)
        ]
        assert wanted, words
        assert sorted(row["run_id"] for row in found) == sorted(wanted), words
        times = [row["updated"] for row in found]
        assert times == sorted(times, reverse=True)


def test_pages_lose_no_run_and_show_none_twice(offices: Offices, many: list[tuple[str, Run]]) -> None:
    """Runs of the same millisecond must not fall between two pages."""
    seen: list[str] = []
    more: list[str] = []
    for _ in range(len(many)):
        page = offices.fleet("samples", "--json", "--limit", "3", "--since", at(0), *more).json
        seen += [row["run_id"] for row in page["runs"]]
        if page["next"] is None:
            break
        more = ["--before", page["next"]]
    assert sorted(seen) == sorted(one.run_id for _, one in many)


def test_a_question_about_open_runs_does_not_read_the_ended_ones() -> None:
    """With years of runs in the table, "what runs in eu?" must still take a second."""
    asked = Filter(office="eu", states=("running",))
    assert {query.index for query in queries(asked, ["eu", "us"])} == {"by_state"}
    assert {query.index for query in queries(Filter(office="eu", states=("failed",)), ["eu"])} == {
        "by_office"
    }


def test_status_counts_each_office_by_state(offices: Offices) -> None:
    """The first look of the day."""
    offices.everywhere("eu", moved(run(1), "running"), moved(run(2), "succeeded"), moved(run(3), "failed"))
    offices.everywhere("us", moved(run(4), "succeeded"))
    eu, hq, us = (
        next(each for each in offices.fleet("status", "--json").json if each["office"] == name)
        for name in ("eu", "hq", "us")
    )
    assert {state: count for state, count in eu["runs"].items() if count} == {
        "running": 1, "succeeded": 1, "failed": 1,
    }  # fmt: skip
    assert eu["oldest_open"]["sample"] == "metagenome/soil/S1"
    assert us["runs"]["succeeded"] == 1
    assert hq["last_event"] is None
    assert eu["behind"] == us["behind"] == []


def test_status_shows_a_run_whose_end_never_arrived(offices: Offices) -> None:
    """A lost event must not leave a run "running" at headquarters for ever, unnoticed."""
    running = moved(run(1), "running")
    offices.at_headquarters("eu", running)
    offices.at_home("eu", moved(running, "succeeded", seconds=90))
    [eu] = offices.fleet("status", "eu", "--json").json
    assert eu["behind"] == [running.run_id]
    assert f"headquarters is behind in 1 runs ({running.run_id}" in offices.fleet("status", "eu").out


def test_status_shows_a_run_that_headquarters_never_heard_of(offices: Offices) -> None:
    """A new office whose forwarding does not work looks idle otherwise."""
    offices.at_home("us", moved(run(1), "running"))
    [us] = offices.fleet("status", "us", "--json").json
    assert us["behind"] == [run(1).run_id]


def test_an_event_on_its_way_is_no_gap(offices: Offices) -> None:
    """A warning that comes and goes by itself teaches people to look away."""
    just_now = datetime.now(UTC) - timedelta(seconds=1)
    young = run(1, updated=just_now.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    offices.at_home("us", young)
    [us] = offices.fleet("status", "us", "--json").json
    assert us["behind"] == []


def test_status_tells_how_late_events_arrive(offices: Offices) -> None:
    """An office whose events take an hour shows an hour-old truth."""
    offices.at_headquarters("eu", moved(run(1), "running", seconds=60), arrived=at(3660))
    [eu] = offices.fleet("status", "eu", "--json").json
    assert eu["last_event"]["lag_s"] == pytest.approx(3600)


def test_status_names_the_dead_letters(offices: Offices) -> None:
    """Whoever sees one must know which queue, and what to type."""
    sqs = offices.access.client("sqs", offices.office("eu"))
    url = sqs.create_queue(QueueName=physical("eu", "intake-queue-dead-letters"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    try:
        shown = offices.fleet("status", "eu").out
        assert "1 in globalbi-eu-intake-queue-dead-letters: `fleet redrive eu` tells why." in shown
    finally:
        sqs.delete_queue(QueueUrl=url)


def test_status_names_the_alarms_that_ring_with_what_to_do(offices: Offices) -> None:
    """Whoever looks at the offices in the morning must see what rang in the night, and where to read on."""
    cloudwatch = offices.access.client("cloudwatch", offices.office("eu"))
    for name, rule in (("globalbi-eu-standstill", STANDSTILL), ("globalbi-eu-not-mended", NOT_MENDED)):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=rule.description,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName=rule.metric,
            Namespace=rule.namespace,
            Period=60,
            Statistic="Maximum",
            Threshold=0,
        )
    cloudwatch.set_alarm_state(
        AlarmName="globalbi-eu-standstill", StateValue="ALARM", StateReason="Runs wait."
    )
    cloudwatch.set_alarm_state(AlarmName="globalbi-eu-not-mended", StateValue="OK", StateReason="No.")
    try:
        answer = offices.fleet("status")
        [eu] = [each for each in offices.fleet("status", "--json").json if each["office"] == "eu"]
    finally:
        cloudwatch.delete_alarms(AlarmNames=["globalbi-eu-standstill", "globalbi-eu-not-mended"])
    assert "eu: alarm globalbi-eu-standstill: Runs have waited" in answer.out
    assert "docs/runbook.md#standstill" in answer.out
    assert "not-mended" not in answer.out
    assert eu["alarms"] == {"globalbi-eu-standstill": STANDSTILL.description}


def test_an_office_that_cannot_be_asked_is_shown_with_what_is_known(offices: Offices) -> None:
    """One office's expired credentials must not hide the other offices, nor look like all is well."""
    offices.everywhere("us", moved(run(1), "running"))
    offices.at_headquarters("eu", moved(run(2), "running"))
    offices.access.client("dynamodb", offices.office("eu")).delete_table(TableName="globalbi-eu-ledger")
    answer = offices.fleet("status", "--json")
    eu = next(each for each in answer.json if each["office"] == "eu")
    us = next(each for each in answer.json if each["office"] == "us")
    assert answer.code == 4
    assert eu["reachable"] is False
    assert eu["runs"]["running"] == us["runs"]["running"] == 1
    assert us["reachable"] is True


def test_a_sample_is_told_from_upload_to_end(offices: Offices) -> None:
    """ "Where is sample X, and why?": each attempt with its class, reason and decision."""
    one = run(1)
    first = one.attempts[0]
    failed = one.with_attempt(
        1, failure="spot", reason="Host EC2 (instance i-1) terminated.", decision="Again at once on another",
        job_id="j1", submitted=at(2), started=at(10), ended=at(70),
    )  # fmt: skip
    again = type(first)(
        number=2, queue="spot", vcpus=4, memory_mib=6000, scratch_gib=20, time_limit_s=3600, job_id="j2"
    )
    offices.at_headquarters("eu", moved(one, "running", attempts=(*failed, again)))
    shown = offices.fleet("sample", "soil/S1").out
    for words in (
        "metagenome/soil/S1",
        "spot",
        "Host EC2 (instance i-1) terminated.",
        "Again at once on another",
    ):
        assert words in shown
    assert "host: demo-host 2026.1" in shown
    assert re.search(r"60 s\s+spot", shown)  # how long it ran


def test_results_are_named_once_they_are_there(offices: Offices) -> None:
    """A link to nothing sends people to look for what is not there."""
    done = moved(run(1), "succeeded")
    offices.at_headquarters("eu", done)
    offices.at_headquarters("eu", moved(run(2), "running"))
    place = f"s3://globalbi-eu-results-222222222222/metagenome/soil/S1/{done.run_id}/"
    assert place in offices.fleet("sample", "soil/S1").out
    assert "s3://" not in offices.fleet("sample", "soil/S2").out


@pytest.mark.parametrize(
    "what", ["{id}", "{beginning}", "{id}-1", "soil/S1", "metagenome/soil/S1", "metagenome/soil/S1/input.tar"]
)
def test_a_run_is_found_by_whatever_one_has_in_hand(offices: Offices, what: str) -> None:
    """From an e-mail, a log, a bill or a folder: none may need a search by hand."""
    one = moved(run(1), "running")
    offices.at_headquarters("eu", one, moved(run(2), "running"))
    asked = what.format(id=one.run_id, beginning=one.run_id[:12])
    assert offices.fleet("sample", asked, "--json").json["run"]["run_id"] == one.run_id


def test_the_newest_run_of_a_sample_comes_first(offices: Offices) -> None:
    """A superseded run must not be taken for the sample's state."""
    old = moved(run(1, sample="S"), "superseded", seconds=50)
    new = moved(run(2, sample="S"), "running", seconds=60)
    offices.at_headquarters("eu", new, old)
    answer = offices.fleet("sample", "soil/S", "--json").json
    assert answer["run"]["run_id"] == new.run_id
    assert [row["run_id"] for row in answer["others"]] == [old.run_id]


def test_what_is_not_there_has_an_exit_code_of_its_own(offices: Offices) -> None:
    """A script can tell "no such sample" from "AWS does not answer"."""
    answer = offices.fleet("sample", "soil/none")
    assert answer.code == 3
    assert "soil/none" in answer.err


@pytest.mark.parametrize(
    "words", [("samples",), ("sample", "p/" + HOSTILE), ("status",), ("watch", "--seconds", "0")]
)
def test_a_name_cannot_steer_the_terminal(offices: Offices, words: tuple[str, ...]) -> None:
    """Names come from uploads: an escape sequence in one could hide rows or run in somebody's terminal."""
    one = moved(run(1, project="p", sample=HOSTILE), "failed", message=HOSTILE)
    hostile = one.with_attempt(1, reason=HOSTILE, decision=HOSTILE, failure=HOSTILE)
    offices.everywhere("eu", moved(one, "running", attempts=hostile, message=HOSTILE))
    answer = offices.fleet(*words)
    assert answer.code == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", answer.out + answer.err)
    if words[0] in ("samples", "sample"):
        assert r"[red]x\x1b[31m\x1b]0;t\x07\nrow\u202e:smile:[link=e]" in answer.out


def test_json_is_ascii_whatever_the_names_are(offices: Offices) -> None:
    """The same, for who looks at JSON in a terminal."""
    offices.everywhere("eu", moved(run(1, project="p", sample=HOSTILE), "running"))
    answer = offices.fleet("samples", "--json")
    assert answer.out.isascii()
    assert "\x1b" not in answer.out
    assert answer.json["runs"][0]["sample"] == HOSTILE


@pytest.mark.parametrize("words", [("--state", "broken"), ("--since", "yesterday"), ("--office", "mars")])
def test_a_wrong_option_is_refused_with_what_is_right(offices: Offices, words: tuple[str, str]) -> None:
    """An empty list for a misspelt state would read as "all is well"."""
    answer = offices.fleet("samples", *words)
    assert answer.code == 2
    assert re.search(r"open, received|12h, 7d|a span such as|eu, hq, us", answer.err)


def test_an_event_is_kept_with_the_time_it_arrived(offices: Offices) -> None:
    """Without it nobody sees that an office's events lag."""
    one = moved(run(1), "running", seconds=60)
    office = offices.office("eu")
    event = {
        "source": SOURCE,
        "detail-type": DETAIL_TYPE,
        "account": office.account,
        "region": office.region,
        "detail": event_of(one, "eu", None),
    }
    clock = START.timestamp() + 75
    context = replace(offices.headquarters_context, clock=lambda: clock)
    batch = {"Records": [{"messageId": "m", "body": json.dumps(event)}]}
    assert fleet_events.handle(batch, context) == {"batchItemFailures": []}
    [eu] = offices.fleet("status", "eu", "--json").json
    assert eu["last_event"]["lag_s"] == pytest.approx(15, abs=0.01)
