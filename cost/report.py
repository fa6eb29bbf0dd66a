"""A Cost and Usage Report as AWS writes it: CUR 2.0 of Data Exports as CSV, plain or gzipped, with resources
and split cost allocation data.

Of each job (an ECS task of AWS Batch) there are two lines an hour, of its vCPUs and of its memory, with its
part of the instance's price in `split_line_item_split_cost` and what the instance had left over, handed on to
it, in `split_line_item_unused_cost`. The job's own tags are in `resource_tags`, once activated as cost
allocation tags. https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-split-line-item.html
"""

import csv
import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VCPU_HOURS = "ECS-EC2-vCPU-Hours"
# A report without any of these cannot be compared; what they are for stands beside each.
NEEDED: Mapping[str, str] = {
    "line_item_usage_start_date": "the day",
    "line_item_usage_type": "which lines are of a job's vCPUs",
    "line_item_currency_code": "US dollars",
    "split_line_item_parent_resource_id": "which lines are of jobs: include split cost allocation data",
    "split_line_item_split_usage": "hours of vCPUs",
    "split_line_item_split_cost": "the job's part of its instance",
    "split_line_item_unused_cost": "what the instance had left over",
    "resource_tags": "the job's tags: activate globalbi:office and globalbi:run as cost allocation tags",
}


class Unreadable(Exception):
    """The file is no report that can be compared; the words say why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A job's line of one hour, in US dollars. `run` and `office` "": not tagged. `vcpu_hours` is 0 in lines
    of memory. `day` is of UTC, as ISO 8601.
    """

    day: str
    office: str
    run: str
    usd: float
    unused_usd: float
    vcpu_hours: float


def read(path: Path) -> Iterator[Line]:
    """The lines of jobs; all others are left out. Raises `Unreadable`."""
    if path.suffix == ".parquet":
        raise Unreadable(f"{path.name} is Parquet: export the report as CSV (Data Exports, compression gzip)")
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", newline="") as file:
        rows = csv.DictReader(file)
        if lacking := [name for name in NEEDED if name not in (rows.fieldnames or ())]:
            raise Unreadable(
                f"{path.name} has no column {', '.join(f'{name} ({NEEDED[name]})' for name in lacking)}"
            )
        for number, row in enumerate(rows, start=2):
            if not row["split_line_item_parent_resource_id"]:
                continue
            try:
                yield _line(row)
            except ValueError as error:
                raise Unreadable(f"{path.name}, line {number}: {error}") from error


def _line(row: Mapping[str, str]) -> Line:
    if row["line_item_currency_code"] != "USD":
        raise ValueError(f"line_item_currency_code must be USD, not {row['line_item_currency_code']!r}")
    tags = _tags(row["resource_tags"])
    of_vcpus = row["line_item_usage_type"].endswith(VCPU_HOURS)
    return Line(
        day=row["line_item_usage_start_date"][:10],
        office=tags.get("user_globalbi_office", ""),
        run=tags.get("user_globalbi_run", ""),
        usd=_number(row["split_line_item_split_cost"]),
        unused_usd=_number(row["split_line_item_unused_cost"]),
        vcpu_hours=_number(row["split_line_item_split_usage"]) if of_vcpus else 0.0,
    )


def _tags(text: str) -> dict[str, str]:
    """The column is a map, in CSV as JSON; keys begin with user, and their signs are underscores."""
    told = json.loads(text) if text else {}
    return {re.sub(r"[^a-z0-9]", "_", str(key).lower()): str(value) for key, value in told.items()}


def _number(text: str) -> float:
    return float(text) if text else 0.0
