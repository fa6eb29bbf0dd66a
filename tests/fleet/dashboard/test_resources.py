"""The page of resources: its figures by hand, and what it shows."""

import re
from dataclasses import replace
from typing import Any

import pytest

from cost.book import book_of
from cost.instances import WITHOUT_END, WITHOUT_ID, WITHOUT_TYPE
from fleet.dashboard.history import Seen, seen
from fleet.dashboard.resources import Needs, resources
from handlers.release import GIB
from handlers.run import Run
from rightsizing.replay import replay
from rightsizing.runs import history_of
from tests.fleet.dashboard.conftest import HOSTILE, Served
from tests.fleet.lab import Offices, at, moved, run

BOOK = book_of("2026-11-25")
ONE = "i-0123456789abcdef0"
HOUR = 3600


def ran(number: int, peak_mib: int | None, *memory_mib: int, state: str = "succeeded", **changes: Any) -> Run:
    """A run with an hour for each of these attempts, one after the other on one instance; all but the last of
    a run that succeeded were killed for want of memory, and all of one that failed.
    """
    [attempt] = run(number).attempts
    attempts = tuple(
        replace(
            attempt,
            number=place,
            memory_mib=given,
            started=at((place - 1) * HOUR),
            ended=at(place * HOUR),
            instance="c6id.2xlarge",
            market="spot",
            instance_id=changes.get("instance_id", ONE),
            failure="memory" if state == "failed" or place < len(memory_mib) else None,
        )
        for place, given in enumerate(memory_mib, start=1)
    )
    one = run(number, pipeline=changes.get("pipeline", "metagenome"))
    return moved(
        one, state, 2 * HOUR, attempts=attempts, peak_mib=peak_mib
    )  # just now: the history looks for it


def kept(offices: Offices, *runs: Run) -> list[Seen]:
    """As the history has them, by way of headquarters' table."""
    offices.at_headquarters("eu", *runs)
    rows = offices.fleet("samples", "--json").json["runs"]
    return [one for one in map(seen, rows) if one]


def only(found: tuple[Needs, ...]) -> Needs:
    (one,) = found
    return one


def test_memory_that_was_held_and_not_used_is_waste(offices: Offices) -> None:
    """Sizes that are too large are paid for at each run, and no run looks wrong.

    Given 6,000, 8,000 and 10,000 MiB for an hour each, used 3,000, 2,000 and 7,000: half is not used.
    """
    runs = kept(offices, ran(1, 3_000, 6_000), ran(2, 2_000, 8_000), ran(3, 7_000, 10_000))
    found = only(resources(runs, BOOK).pipelines)
    assert (found.pipeline, found.runs, found.measured) == ("metagenome", 3, 3)
    assert found.asked is not None
    assert found.peak is not None
    assert (found.asked.median, found.asked.most) == (8_000, 10_000)
    assert (found.peak.median, found.peak.most) == (3_000, 7_000)
    assert found.wasted == pytest.approx(12_000 / 24_000)
    assert (found.killed, found.never_enough) == (0, 0)


def test_attempts_that_were_killed_for_want_of_memory_are_waste_whole(offices: Offices) -> None:
    """Sizes that are too small would look like thrift.

    Killed with 4,000 MiB and done with 8,000, of which 6,000 were used; another killed with 8,000 and failed:
    of 20,000 MiB 6,000 were of use.
    """
    runs = kept(offices, ran(1, 6_000, 4_000, 8_000), ran(2, None, 8_000, state="failed"))
    found = only(resources(runs, BOOK).pipelines)
    assert (found.runs, found.measured, found.killed, found.never_enough) == (2, 1, 2, 1)
    assert found.wasted == pytest.approx(14_000 / 20_000)


def test_waste_is_what_rightsize_calls_waste(offices: Offices) -> None:
    """The page leads to `fleet rightsize`: two figures of one thing would make both doubtful."""
    release = offices.access.fleet.pipelines["metagenome"].release()
    made = []
    for number in range(1, 11):
        one = replace(run(number), size=number * GIB // 4)
        request = release.request(one.size)
        sized = ran(number, request.memory_mib // 3 + 10 * number, request.memory_mib)
        attempts = (replace(sized.attempt, vcpus=request.vcpus, ended=at(600 * number)),)
        made.append(replace(sized, size=one.size, attempts=attempts))
    offices.at_headquarters("eu", *made)
    rows = offices.fleet("samples", "--json").json["runs"]
    again = replay(history_of(rows, 100).runs, release, budget=2)
    found = only(resources([one for one in map(seen, rows) if one], BOOK).pipelines)
    assert (found.measured, again.runs, again.out_of_memory) == (10, 10, 0)
    assert found.wasted == pytest.approx(again.waste)


def test_what_took_nobody_knows_how_much_is_in_no_sum(offices: Offices) -> None:
    """As nothing, what a run before measures or a reclaimed attempt used would look like waste of it all."""
    reclaimed = ran(2, 3_000, 6_000, 6_000)
    first, second = reclaimed.attempts
    reclaimed = replace(reclaimed, attempts=(replace(first, failure="spot"), second))
    open_one = moved(run(3), "running", 90)
    found = only(resources(kept(offices, ran(1, None, 6_000), reclaimed, open_one), BOOK).pipelines)
    assert (found.runs, found.measured, found.killed) == (3, 1, 0)
    assert found.wasted == pytest.approx(0.5)
    assert resources([], BOOK).pipelines == ()


def test_an_instance_is_told_with_all_of_its_jobs_in_the_row_of_each_pipeline(offices: Offices) -> None:
    """Told by one pipeline's jobs alone, a full instance would look half empty."""
    assembly = ran(2, 3_000, 6_000, pipeline="assembly")
    alone = ran(3, 3_000, 6_000, instance_id="i-0123456789abcdef1")
    older = ran(4, 3_000, 6_000, instance_id=None)
    found = resources(kept(offices, ran(1, 3_000, 6_000), assembly, alone, older), BOOK)
    told = {each.pipeline: each for each in found.pipelines}
    assert (told["assembly"].instances, told["assembly"].filled.mean_at_once) == (1, 2.0)
    assert told["assembly"].filled.vcpus_given == 1.0
    assert (told["metagenome"].instances, told["metagenome"].filled.jobs) == (2, 3)
    assert told["metagenome"].filled.mean_at_once == 1.5
    assert told["metagenome"].filled.vcpus_given == 0.75
    assert found.left_out == {WITHOUT_ID: 1, WITHOUT_END: 0, WITHOUT_TYPE: 0}


def rows_of(page: str) -> list[list[str]]:
    """The cells of each row, without marks."""
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    ]


def test_the_page_tells_each_pipelines_memory_and_instances_and_the_way_on(served: Served) -> None:
    """Whoever sees waste must be told what mends it."""
    served.offices.at_headquarters("us", ran(11, 3_000, 6_000), ran(12, 3_000, 6_000, instance_id=None))
    served.renew()
    with served.client() as client:
        page = client.get("/resources").text
        of_us, of_hq = (client.get(f"/resources?office={office}").text for office in ("us", "hq"))
    rows = [row for row in rows_of(page) if row[0] == "metagenome"]
    # failed_twice was killed twice, with 6,000 and 12,000 MiB for 35 s each.
    assert rows[0][1:] == [
        *("7", "2", "6,000", "6,000", "3,000", "3,000", "51%", "2", "1"),
        "<code>fleet rightsize metagenome</code>",
    ]  # fmt: skip
    assert rows[1][1:8] == ["1", "1.0", "1", "1.0", "1", "50%", "38%"]
    assert "4 jobs are in no figure of an instance: they did not say on which" in page
    assert [row[1] for row in rows_of(of_us) if row[0] == "metagenome"] == ["4", "1"]
    assert "No job has said on which instance it was" in of_hq


def test_a_window_that_the_history_does_not_reach_is_refused(served: Served) -> None:
    """Thirty days out of a history of seven would be told as so little use."""
    with served.client() as client:
        assert client.get("/resources?days=1").status_code == 200
        for wrong in ("days=30", "days=x", "office=nowhere"):
            assert client.get(f"/resources?{wrong}").status_code == 409, wrong


def test_a_pipeline_that_is_none_of_ours_gives_no_command(served: Served) -> None:
    """A command that an office's event has named would be copied into headquarters' shell."""
    served.offices.at_headquarters("us", ran(11, 3_000, 6_000, pipeline=f"x; {HOSTILE}"))
    served.renew()
    with served.client() as client:
        page = client.get("/resources").text
    assert "<img" not in page
    assert "\u202e" not in page
    assert "x; &lt;img src=x" in page
    assert "fleet rightsize x" not in page
    assert "not in this repository" in page
