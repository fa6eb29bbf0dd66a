"""What a run cost, from what its attempts really used.

Every attempt that had a container counts, those that were reclaimed or failed too: the time it held its share
of an instance (`handlers.cost.share`), on the type and the market that the instance itself gave, and the same
share of its root volume. Requests are those that the runner of the attempt that published has counted;
results are paid for by the month.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cost.book import Book, Instance, Region, book_of
from handlers.cost import HOUR_S, ROOT_VOLUME_GIB, share
from handlers.run import SUCCEEDED, TERMINAL

MONTH_S = 730 * HOUR_S
GIB = 2**30
# The runner renews its lease on the run's item, of up to 2 KiB; no index holds the lease.
LEASE_WRITE_UNITS = 2
_S3_WRITES = ("Put", "Post", "Copy", "List", "Create", "Complete", "Upload")
_FREE = ("DeleteObject", "AbortMultipartUpload")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """In US dollars. `unknown` says what is missing from the sum, and why: it is then a lower bound.

    `storage_month`: what the upload and the results cost with each further month, not part of the sum.
    """

    compute: float = 0.0
    volume: float = 0.0
    requests: float = 0.0
    storage_month: float | None = None
    unknown: tuple[str, ...] = ()
    prices_of: str = ""

    @property
    def total(self) -> float:
        return self.compute + self.volume + self.requests


@dataclass(kw_only=True)
class _Sum:
    compute: float = 0.0
    volume: float = 0.0
    requests: float = 0.0
    unknown: list[str] = field(default_factory=list)


def cost_of(row: Mapping[str, Any], book: Book | None = None) -> Cost:
    """The cost of a run as headquarters' table has it: `region`, `attempts`, `used`, `size`, `updated`."""
    book = book or book_of(row.get("updated"))
    prices = book.regions.get(str(row.get("region")))
    if prices is None:
        return Cost(unknown=(f"no prices of {row.get('region')}",), prices_of=book.date.isoformat())
    found = _Sum()
    for attempt in row.get("attempts") or []:
        if attempt.get("started") and not attempt.get("ended"):
            over = row.get("state") in TERMINAL
            found.unknown.append(
                f"attempt {attempt['number']}: {'its end is not known' if over else 'it is not over'}"
            )
        elif attempt.get("started"):  # else it never had a container
            _add_attempt(found, attempt, prices)
    if row.get("used"):
        for name, count in row["used"].items():
            if ":" in name:  # else it is no request
                _add_requests(found, name, int(count), prices)
    elif row.get("state") == SUCCEEDED:
        found.unknown.append("requests: the runner counted none")
    return Cost(
        compute=found.compute,
        volume=found.volume,
        requests=found.requests,
        storage_month=_stored(row, prices),
        unknown=tuple(found.unknown),
        prices_of=book.date.isoformat(),
    )


def _add_attempt(found: _Sum, attempt: Mapping[str, Any], prices: Region) -> None:
    name = f"attempt {attempt['number']}"
    instance = prices.instances.get(str(attempt.get("instance")))
    if instance is None:
        told = attempt.get("instance")
        why = f"no price of {told}" if told else "its instance is not known"
        found.unknown.append(f"{name}: {why}")
        return
    part = share(attempt["vcpus"], attempt["memory_mib"], instance.vcpus, instance.memory_gib)
    seconds = (_moment(attempt["ended"]) - _moment(attempt["started"])).total_seconds()
    _add_shared(found, name, part * max(0.0, seconds), instance, attempt.get("market"), prices)


def _add_shared(
    found: _Sum, name: str, seconds: float, instance: Instance, market: str | None, prices: Region
) -> None:
    """`seconds` of the whole instance."""
    hourly = instance.price(market)
    if hourly is None:
        found.unknown.append(f"{name}: no price of its market ({market})")
    else:
        found.compute += hourly * seconds / HOUR_S
    if prices.volume_gb_month is None:
        found.unknown.append(f"{name}: no price of its root volume")
    else:
        found.volume += prices.volume_gb_month * ROOT_VOLUME_GIB * seconds / MONTH_S


def _add_requests(found: _Sum, name: str, count: int, prices: Region) -> None:
    for unit, units in billed(name):
        price = prices.units.get(unit)
        if price is None:
            found.unknown.append(f"requests: no price of {unit}")
        else:
            found.requests += price * units * count


def billed(name: str) -> Iterator[tuple[str, int]]:
    """What a request of the runner is billed as: units of `book.UNITS`, and how many."""
    service, _, operation = name.partition(":")
    if operation in _FREE:
        return
    if service == "s3":
        yield "s3:write" if operation.startswith(_S3_WRITES) else "s3:read", 1
    elif service == "dynamodb":
        yield "dynamodb:write", LEASE_WRITE_UNITS


def _stored(row: Mapping[str, Any], prices: Region) -> float | None:
    used = row.get("used")
    if prices.storage_gb_month is None or not used:
        return None
    return prices.storage_gb_month * (int(row.get("size") or 0) + int(used["output_bytes"])) / GIB


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
