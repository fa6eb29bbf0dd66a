"""The comparison with AWS's bill, on reports made here in the form of CUR 2.0: an instance's own line, and
two lines an hour for each job on it, whose parts AWS weighs nine to one.
"""

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cost.__main__ import main
from cost.book import book_of
from cost.reconcile import reconcile
from cost.report import Unreadable, read

# The columns of the table dictionary that concern a line of Amazon ECS on EC2.
COLUMNS = (
    *("identity_line_item_id", "identity_time_interval", "bill_bill_type", "bill_billing_entity"),
    *("bill_billing_period_start_date", "bill_payer_account_id", "line_item_usage_account_id"),
    *("line_item_line_item_type", "line_item_usage_start_date", "line_item_usage_end_date"),
    *("line_item_product_code", "line_item_usage_type", "line_item_operation", "line_item_resource_id"),
    *("line_item_usage_amount", "line_item_currency_code", "line_item_unblended_cost", "product"),
    *("product_region_code", "resource_tags", "split_line_item_actual_usage"),
    *("split_line_item_parent_resource_id", "split_line_item_public_on_demand_split_cost"),
    *("split_line_item_reserved_usage", "split_line_item_split_cost", "split_line_item_split_usage"),
    *("split_line_item_split_usage_ratio", "split_line_item_unused_cost"),
)
REGION, TYPE = "eu-central-1", "m6id.xlarge"  # 4 vCPUs, 16 GiB
HOURLY = book_of(None).regions[REGION].instances[TYPE].spot or 0.0
RUN, OTHER = "r" + "1" * 32, "r" + "2" * 32
EVENING = datetime(2026, 11, 26, 22, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job on an instance of its own: half of its vCPUs and of its memory."""

    run: str | None = RUN
    start: datetime = EVENING
    seconds: int = 4 * 3600
    hourly: float = HOURLY
    vcpus: int = 2
    gib: int = 8


def line(job: Job, start: datetime, **told: Any) -> dict[str, str]:
    tags = {
        "user_globalbi_office": "eu",
        "user_globalbi_pipeline": "metagenome",
        "user_globalbi_run": job.run,
    }
    end = start + timedelta(hours=1)
    common = {
        "identity_line_item_id": "x",
        "identity_time_interval": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": "2026-11-01T00:00:00.000Z",
        "bill_payer_account_id": "999999999999",
        "line_item_usage_account_id": "222222222222",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": f"{start:%Y-%m-%dT%H:%M:%S}.000Z",
        "line_item_usage_end_date": f"{end:%Y-%m-%dT%H:%M:%S}.000Z",
        "line_item_currency_code": "USD",
        "product_region_code": REGION,
        "product": "{}",
        "resource_tags": json.dumps(tags if job.run else {"aws_ecs_cluster_name": "x"}),
    }
    return {name: str({**common, **told}.get(name, "")) for name in COLUMNS}


def report(path: Path, jobs: Sequence[Job], columns: Sequence[str] = COLUMNS) -> Path:
    """What AWS would write of these jobs."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for job in jobs:
            start, left = job.start, job.seconds
            while left > 0:
                hours = min(3600, left) / 3600
                writer.writerow(
                    line(
                        job,
                        start,
                        line_item_product_code="AmazonEC2",
                        line_item_usage_type=f"EUC1-SpotUsage:{TYPE}",
                        line_item_resource_id="i-1",
                        line_item_usage_amount=hours,
                        line_item_unblended_cost=job.hourly * hours,
                        resource_tags=json.dumps({"user_globalbi_office": "eu"}),
                    )
                )
                for kind, weight, amount in (("vCPU", 9, job.vcpus), ("GB", 1, job.gib)):
                    part = job.hourly * hours * weight * amount / (9 * 4 + 16)
                    writer.writerow(
                        line(
                            job,
                            start,
                            line_item_product_code="AmazonECS",
                            line_item_usage_type=f"EUC1-ECS-EC2-{kind}-Hours",
                            line_item_operation="ECSTask-EC2",
                            line_item_resource_id="arn:aws:ecs:eu-central-1:222222222222:task/c/t",
                            line_item_unblended_cost=0.0,
                            split_line_item_parent_resource_id="i-1",
                            split_line_item_reserved_usage=amount * hours,
                            split_line_item_split_usage=amount * hours,
                            split_line_item_split_cost=part,
                            split_line_item_unused_cost=part,
                        )
                    )
                start, left = start + timedelta(hours=1), left - 3600
    return path


def told(run_id: str = RUN, *, seconds: int = 4 * 3600, **more: Any) -> dict[str, Any]:
    """A run as `fleet samples --json` tells it."""
    attempt = {
        "number": 1,
        "vcpus": 2,
        "memory_mib": 8192,
        "instance": TYPE,
        "market": "spot",
        "started": EVENING.isoformat(),
        "ended": (EVENING + timedelta(seconds=seconds)).isoformat(),
        **more,
    }
    run = {"run_id": run_id, "office": "eu", "project": "soil", "region": REGION, "attempts": [attempt]}
    return {**run, "updated": attempt["ended"] or EVENING.isoformat()}


@pytest.mark.parametrize("name", ["report.csv", "report.csv.gz"])
def test_the_same_jobs_give_the_same_sums_day_by_day(tmp_path: Path, name: str) -> None:
    """A difference that is the comparison's own would hide those that are real."""
    found = reconcile(read(report(tmp_path / name, [Job()])), [told()])
    assert list(found.rows) == [("eu", "2026-11-26", "soil"), ("eu", "2026-11-27", "soil")]
    for row in found.rows.values():
        assert row.platform == pytest.approx(HOURLY)  # two hours of half an instance
        assert row.billed == pytest.approx(row.platform)
        assert row.missing == row.strange == 0
    assert found.unused == pytest.approx(2 * HOURLY)
    assert found.untagged == 0
    assert found.unpriced == ()


def test_the_instances_own_line_is_not_counted_beside_its_jobs(tmp_path: Path) -> None:
    """Every run would seem to cost twice what it does."""
    assert len(list(read(report(tmp_path / "r.csv", [Job(seconds=3600)])))) == 2


@pytest.mark.parametrize(
    ("job", "cause"),
    [
        (Job(hourly=1.5 * HOURLY), "by_price"),
        (Job(seconds=5 * 3600), "by_time"),
    ],
)
def test_a_difference_is_told_by_its_cause(tmp_path: Path, job: Job, cause: str) -> None:
    """Another price is AWS's; other hours are a fault of ours."""
    total = reconcile(read(report(tmp_path / "r.csv", [job])), [told()]).total
    assert getattr(total, cause) == pytest.approx(total.difference)
    assert total.difference > 0.1 * total.platform
    others = {"missing", "strange", "by_time", "by_price"} - {cause}
    assert all(getattr(total, other) == pytest.approx(0) for other in others)


def test_runs_that_only_one_side_knows_are_told_apart(tmp_path: Path) -> None:
    """A run that is not on the bill may have lost its tags; one that only the bill has may be lost to us."""
    jobs = [Job(run=OTHER, seconds=3600), Job(run=None, seconds=3600)]
    found = reconcile(read(report(tmp_path / "r.csv", jobs)), [told(seconds=3600)])
    total = found.total
    half = HOURLY / 2
    assert total.missing == pytest.approx(half)
    assert found.rows["eu", "2026-11-26", "soil"].platform == pytest.approx(half)
    assert found.rows["eu", "2026-11-26", "(unknown)"].strange == pytest.approx(half)
    assert found.untagged == pytest.approx(half)
    assert total.difference == pytest.approx(total.strange - total.missing + total.by_time + total.by_price)


def test_days_that_the_report_does_not_have_are_left_out(tmp_path: Path) -> None:
    """A report lags behind by a day: yesterday's runs are not missing."""
    found = reconcile(read(report(tmp_path / "r.csv", [Job(seconds=7200)])), [told()])
    assert list(found.rows) == [("eu", "2026-11-26", "soil")]
    assert found.total.difference == pytest.approx(0)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"instance": None}, "no price of its instance (type not known)"),
        ({"instance": "x9.large"}, "no price of its instance (x9.large)"),
        ({"ended": None}, "it has not ended"),
    ],
)
def test_an_attempt_that_cannot_be_priced_is_named(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    """The bill would be larger than what is known, and nobody would know why."""
    found = reconcile(read(report(tmp_path / "r.csv", [Job()])), [told(**more)])
    assert [each for each in found.unpriced if f"{RUN}, attempt 1: {why}" in each]
    assert found.total.strange == pytest.approx(found.total.billed)


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ("split_line_item_split_cost", "split_line_item_split_cost (the job's part of its instance)"),
        ("resource_tags", "activate globalbi:office and globalbi:run as cost allocation tags"),
        ("split_line_item_parent_resource_id", "include split cost allocation data"),
    ],
)
def test_a_report_without_what_is_needed_says_what_to_switch_on(
    tmp_path: Path, left_out: str, words: str
) -> None:
    """A month later it is too late to switch it on."""
    path = report(tmp_path / "r.csv", [Job()], [each for each in COLUMNS if each != left_out])
    with pytest.raises(Unreadable) as refused:
        list(read(path))
    assert words in str(refused.value)


def test_other_currencies_and_formats_are_refused(tmp_path: Path) -> None:
    """Yuan would be compared with dollars."""
    path = report(tmp_path / "r.csv", [Job()])
    path.write_text(path.read_text().replace(",USD,", ",CNY,"))
    with pytest.raises(Unreadable, match="must be USD, not 'CNY'"):
        list(read(path))
    with pytest.raises(Unreadable, match="as CSV"):
        list(read(tmp_path / "r.parquet"))


@pytest.mark.parametrize(("hourly", "code"), [(HOURLY, 0), (1.3 * HOURLY, 1)])
def test_the_command_prints_both_sums_and_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hourly: float, code: int
) -> None:
    """A script must see without reading that the two have come apart."""
    hour = Job(hourly=hourly, seconds=3600)
    later = Job(hourly=hourly, seconds=3 * 3600, start=EVENING + timedelta(hours=1))
    chunks = [report(tmp_path / "1.csv.gz", [hour]), report(tmp_path / "2.csv.gz", [later])]
    runs = tmp_path / "runs.json"
    runs.write_text(json.dumps({"runs": [told()], "next": None}))
    assert main(["reconcile", *map(str, chunks), "--runs", str(runs)]) == code
    printed = capsys.readouterr().out
    assert "2026-11-27" in printed
    assert f"{2 * HOURLY:.4f}" in printed
    assert "unused on instances" in printed


def test_a_report_of_something_else_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No line at all is no agreement."""
    path = report(tmp_path / "r.csv", [])
    runs = tmp_path / "runs.json"
    runs.write_text('{"runs": []}')
    assert main(["reconcile", str(path), "--runs", str(runs)]) == 2
    assert "neither the report nor the runs have a job" in capsys.readouterr().err
