"""What the offices' nightly censuses say: whether headquarters has every run, and when it last had."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from components.alarms import CENSUS_MISSING
from components.office import Office
from fleet.table import FleetTable, Query
from fleet.text import moment
from handlers.fleet_census import NIGHT, census_key
from handlers.items import natural, typed

MOST_NAMED = 3
# The alarm rings and `fleet` tells after the same time.
WITHIN = timedelta(seconds=CENSUS_MISSING.period_s * CENSUS_MISSING.periods)


@dataclass(frozen=True, kw_only=True)
class Night:
    """What came of the last whole census of an office. `differing`: kind → runs; `named`: some, by kind."""

    night: str
    at: str
    runs: int
    differing: Mapping[str, int]
    named: Mapping[str, str]


def newest(table: FleetTable, office: Office) -> Night | None:
    """None: there has not been one yet."""
    answer = table.dynamodb.get_item(TableName=table.name, Key=typed(census_key(office.name, NIGHT)))
    if "Item" not in answer:
        return None
    item = natural(answer["Item"])
    return Night(**{name: item[name] for name in Night.__dataclass_fields__})


def gap(table: FleetTable, office: Office, now: datetime) -> tuple[str, str] | None:
    """What is wrong, and what to do; None if all is well, or the office is too young for a census."""
    night = newest(table, office)
    if night is None:
        return _never(table, office, now)
    then = moment(night.at)
    if then is None or now - then > WITHIN:
        return (
            f"The last whole census is of {night.night}.",
            f"Look at the log of its function `census`, and at `fleet redrive {office.name}`.",
        )
    if not night.differing:
        return None
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(night.differing.items()))
    some = ", ".join(list(night.named)[:MOST_NAMED])
    return (
        f"In the census of {night.night} headquarters did not have every run: {kinds}"
        f"{f' ({some} …)' if some else ''}.",
        f"`fleet check {office.name}` tells how it is now, `fleet rebuild {office.name}` mends it.",
    )


def _never(table: FleetTable, office: Office, now: datetime) -> tuple[str, str] | None:
    began = (now - WITHIN).isoformat(timespec="milliseconds")
    before = began.replace("+00:00", "Z")
    old = Query(index="by_office", key=f"office#{office.name}", before=before, only=("run_id",), at_once=1)
    if next(table.rows(old), None) is None:
        return None
    return (
        "No census has ever come.",
        f"Apply headquarters, then {office.name}: it comes each night. `fleet check {office.name}` compares"
        " now.",
    )
