"""What a run will cost, told before it runs; and what is noted of it so that its cost can be told after."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest

from handlers import history
from handlers.cost import Family, Prices, estimate, prices_from_json, prices_to_json, share
from handlers.forecast import LEAST_RUNS, Finished
from handlers.ledger import run_of
from handlers.notify import event_of
from handlers.release import Request
from tests.handlers.aws_fakes import RELEASE, World
from tests.handlers.lab import KEY, started, status, succeeded, take, tell

C6ID = Family(name="c6id", gib_per_vcpu=2, on_demand=0.05, spot=0.02)
R6ID = Family(name="r6id", gib_per_vcpu=8, on_demand=0.09, spot=None)
PRICES = Prices(day="2026-11-25", families=(C6ID, R6ID))
REQUEST = Request(vcpus=4, memory_mib=8 * 1024, scratch_gib=20, time_limit_s=7200)
HOUR = Finished(size=2**30, ran_s=3600, waited_s=60, ended="2026-11-25T01:00:00.000Z")
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "status.schema.json").read_text())


def limit(size: int) -> float:
    return 1 + size / 2**30


def test_a_job_that_fills_its_instance_bears_its_whole_price() -> None:
    """Shares that did not add up to the instance would never meet the bill."""
    assert share(4, 8 * 1024, 4, 8) == 1
    assert share(2, 4 * 1024, 4, 8) + share(1, 2 * 1024, 4, 8) + share(1, 2 * 1024, 4, 8) == 1
    assert share(4, 0, 4, 8) == 36 / 44  # a vCPU weighs nine GiB


def test_an_estimate_spans_what_batch_may_choose() -> None:
    """Batch chooses family and market when the job starts: one figure would be wrong most of the time."""
    made = estimate(REQUEST, 2**30, PRICES, [HOUR] * LEAST_RUNS, limit)
    assert made is not None
    assert (made.seconds, made.runs, made.prices_of) == (3600, LEAST_RUNS, "2026-11-25")
    assert made.low == pytest.approx(4 * 0.02)  # Spot, on c6id, whose price alone is known
    assert made.high == pytest.approx(0.09 * 44 / 17, abs=1e-6)  # on demand, on r6id
    assert made.most == pytest.approx(2 * 0.09 * 44 / 17, abs=1e-6)  # until the time limit
    twice = estimate(REQUEST, 3 * 2**30, PRICES, [HOUR] * LEAST_RUNS, limit)
    assert twice is not None
    assert twice.seconds == 7200  # grows as the pipeline's time limit does


def test_nothing_is_foretold_from_few_runs_or_without_prices() -> None:
    """A price made up before anything has finished is believed like any other."""
    made = estimate(REQUEST, 2**30, PRICES, [HOUR] * (LEAST_RUNS - 1), limit)
    assert made is not None
    assert (made.low, made.high, made.seconds) == (None, None, None)
    assert made.most > 0
    assert estimate(REQUEST, 2**30, None, [HOUR] * LEAST_RUNS, limit) is None
    assert estimate(REQUEST, 2**30, replace(PRICES, families=()), [HOUR] * LEAST_RUNS, limit) is None


def test_prices_survive_the_functions_environment() -> None:
    """What the infrastructure writes is what the functions read."""
    assert prices_from_json(prices_to_json(PRICES.day, PRICES.families)) == PRICES
    assert prices_from_json("") is None


def test_a_branch_reads_the_estimate_before_the_run(world: World) -> None:
    """A project with a small budget decides before the money is spent."""
    world.office = replace(world.office, prices=PRICES)
    history.keep(world.context(), "metagenome", {f"r{n}": HOUR for n in range(LEAST_RUNS)})
    assert take(world, world.upload(KEY)) == []
    told = status(world)
    jsonschema.validate(told, SCHEMA)
    request = RELEASE.request(told["upload"]["size"])
    expected = estimate(
        request, told["upload"]["size"], PRICES, [HOUR] * LEAST_RUNS, RELEASE.time_limit_minutes.of
    )
    assert expected is not None
    assert expected.low is not None
    assert told["estimate"] == asdict(expected)
    run_id = told["run_id"]
    tell(world, world.job_event(f"{run_id}-1", "RUNNING"))
    assert status(world)["estimate"] == told["estimate"]  # what was told stays told


def lease(
    world: World, run_id: str, attempt: int, instance: str, market: str, which: str | None = None
) -> None:
    """What the runner notes with its lease; an older one no id."""
    noted = {"attempt": {"N": str(attempt)}, "type": {"S": instance}, "market": {"S": market}}
    world.note(run_id, "lease_host", {"M": noted | ({"id": {"S": which}} if which else {})})


def test_each_attempts_instance_is_kept_though_it_was_reclaimed(world: World) -> None:
    """A reclaimed attempt leaves no manifest: without the lease's word nobody could price it."""
    run_id = started(world)
    lease(world, run_id, 1, "c6id.xlarge", "spot")
    tell(world, world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-0123) terminated."))
    tell(world, world.job_event(f"{run_id}-2", "RUNNING"))
    lease(world, run_id, 2, "m6id.2xlarge", "on-demand")
    world.publish(
        world.run_item(run_id), attempt=2, resources={"requests": {"s3:GetObject": 7, "s3:PutObject": 2}}
    )
    assert tell(world, world.job_event(f"{run_id}-2", "SUCCEEDED")) == []
    told = status(world)
    jsonschema.validate(told, SCHEMA)
    found = [(each["instance"], each["market"]) for each in told["attempts"]]
    assert found == [("c6id.xlarge", "spot"), ("m6id.2xlarge", "on-demand")]
    event = event_of(run_of(world.run_item(run_id)), "eu", None)
    assert [each["instance"] for each in event["attempts"]] == ["c6id.xlarge", "m6id.2xlarge"]
    assert event["used"] == {"output_bytes": 19, "s3:GetObject": 7, "s3:PutObject": 2}


def test_headquarters_learns_which_instance_it_was_from_who_tells_it(world: World) -> None:
    """Which jobs were neighbours is known from that alone. What an older runner told stays as it was: a new
    key in its row would look like a difference to `fleet check`.
    """
    run_id = started(world)
    lease(world, run_id, 1, "c6id.xlarge", "spot")
    tell(world, world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-0123) terminated."))
    tell(world, world.job_event(f"{run_id}-2", "RUNNING"))
    lease(world, run_id, 2, "m6id.2xlarge", "on-demand", "i-0123456789abcdef0")
    tell(world, world.job_event(f"{run_id}-2", "FAILED", code=1))
    run = run_of(world.run_item(run_id))
    for key in (None, "key of pseudonyms"):
        first, second = event_of(run, "eu", key)["attempts"][:2]
        assert "instance_id" not in first
        assert second["instance_id"] == "i-0123456789abcdef0"
    told = status(world)
    jsonschema.validate(told, SCHEMA)
    assert told["attempts"][1]["instance_id"] == "i-0123456789abcdef0"


def test_an_instance_of_another_attempt_is_not_this_ones(world: World) -> None:
    """The lease's word may be of the attempt before: taken for this one, it would be a guess."""
    run_id = started(world)
    lease(world, run_id, 2, "m6id.2xlarge", "on-demand")
    assert run_of(world.run_item(run_id)).moved("failed", "now").attempt.instance is None
    world.note(run_id, "lease_host", {"NULL": True})
    assert run_of(world.run_item(run_id)).moved("failed", "now").attempt.instance is None


def test_what_a_revision_says_stays_as_it_was_told(world: World) -> None:
    """The runner notes its instance between two revisions: headquarters would look wrong until the next."""
    run_id = started(world)
    told = event_of(run_of(world.run_item(run_id)), "eu", None)
    lease(world, run_id, 1, "c6id.xlarge", "spot")
    assert event_of(run_of(world.run_item(run_id)), "eu", None) == told


def test_a_manifest_without_counts_succeeds_all_the_same(world: World) -> None:
    """Runs of an image that was built before are in flight when the handlers change."""
    run_id = succeeded(world)
    assert run_of(world.run_item(run_id)).used == {"output_bytes": 19}


def test_what_a_run_took_reaches_headquarters(world: World) -> None:
    """Sizes are learnt there: without reads, memory and disk `fleet rightsize` has nothing to learn from."""
    run_id = started(world)
    measured = {"fragments": 20_000, "max_disk_mib": 31, "cpu_s": 6.6, "max_rss_mib": 5_000}
    world.publish(world.run_item(run_id), resources={**measured, "max_anonymous_mib": 1_250})
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    event = event_of(run_of(world.run_item(run_id)), "eu", None)
    assert event["used"] == {"output_bytes": 19, "fragments": 20_000, "disk_mib": 31, "cpu_s": 6}
    # What a mapped database holds the kernel takes back when it must: no job needs memory for it.
    assert event["peak_mib"] == 1_250


def test_an_event_that_comes_again_asks_little_of_aws(world: World) -> None:
    """Every event may come twice, and each call of a duplicate is paid for nothing."""
    upload = world.upload(KEY)
    assert take(world, upload) == []
    before = len(world.calls)
    assert take(world, upload) == []
    assert [call.operation for call in world.calls[before:]] == ["HeadObject", "GetItem", "GetItem"]
    running = world.job_event(f"{status(world)['run_id']}-1", "RUNNING")
    assert tell(world, running) == []
    before = len(world.calls)
    assert tell(world, running) == []
    assert [call.operation for call in world.calls[before:]] == ["GetItem"]


def test_a_ledger_that_a_later_version_has_written_is_read(world: World) -> None:
    """An office that goes back to the version before must not stop at the runs of the day between."""
    run_id = started(world)
    item = dict(world.run_item(run_id))
    later = [{**each, "of_tomorrow": "x"} for each in item["attempts"]]
    assert run_of({**item, "attempts": later}) == run_of(item)
