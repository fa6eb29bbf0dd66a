"""The price book: AWS's prices in US dollars as they were on a day, by region; each edition a dated file."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from handlers.cost import Family, Prices

EDITIONS = Path(__file__).with_name("prices")
# What is billed by the unit: requests, DynamoDB's request units, Lambda's GB-seconds.
UNITS = (
    *("s3:write", "s3:read", "dynamodb:write", "dynamodb:read", "sqs:request", "events:custom"),
    *("lambda:request", "lambda:gb-second"),
)
# What is billed for being there: an interface endpoint by the hour in each zone, the rest by the month.
STANDING = (
    "vpc:endpoint-hour",
    "kms:key-month",
    "cloudwatch:alarm-month",
    "cloudwatch:dashboard-month",
)
Price = Annotated[float, Field(gt=0)]


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=AliasGenerator(alias=to_camel), populate_by_name=True
    )


class Instance(_Model):
    """An instance type; prices for an hour. `spot` None: not known."""

    vcpus: int = Field(gt=0)
    memory_gib: float = Field(gt=0)
    on_demand: Price
    spot: Price | None = None

    def price(self, market: str | None) -> float | None:
        """For an hour, as the instance metadata service names the market; None: not known."""
        return {"on-demand": self.on_demand, "spot": self.spot}.get(market or "")


class Region(_Model):
    """A price that is left out is not known."""

    instances: Mapping[str, Instance]
    storage_gb_month: Price | None = None  # S3 Standard
    volume_gb_month: Price | None = None  # EBS gp3
    units: Mapping[str, Price] = Field(default_factory=dict)
    standing: Mapping[str, Price] = Field(default_factory=dict)

    def smallest(self, family: str) -> tuple[str, Instance] | None:
        """The smallest type of a family that is known; None: none is."""
        known = [each for each in self.instances.items() if each[0].partition(".")[0] == family]
        return min(known, key=lambda each: each[1].vcpus, default=None)

    def families(self, names: tuple[str, ...]) -> list[Family]:
        """Prices for a vCPU, from the smallest size known: within a family they grow with the size."""
        found = []
        for name in names:
            if smallest := self.smallest(name):
                least = smallest[1]
                found.append(
                    Family(
                        name=name,
                        gib_per_vcpu=least.memory_gib / least.vcpus,
                        on_demand=round(least.on_demand / least.vcpus, 6),
                        spot=None if least.spot is None else round(least.spot / least.vcpus, 6),
                    )
                )
        return found


class Book(_Model):
    """One edition. `sources` says where each price is from."""

    date: date
    currency: Literal["USD"]
    sources: tuple[str, ...] = Field(min_length=1)
    regions: Mapping[str, Region]


@cache
def editions(folder: Path = EDITIONS) -> tuple[Book, ...]:
    """All of them, the oldest first; `ValueError` names the file that is wrong."""
    found = []
    for path in sorted(folder.glob("*.json")):
        book = Book.model_validate(json.loads(path.read_text()))
        if path.stem != book.date.isoformat():
            raise ValueError(f"{path.name} must be named after its date, {book.date}")
        found.append(book)
    if not found:
        raise ValueError(f"{folder} holds no prices")
    return tuple(found)


def book_of(day: str | None, books: tuple[Book, ...] | None = None) -> Book:
    """The edition valid on an ISO 8601 day or time: the newest that is not later, else the oldest.

    None: the newest.
    """
    known = books or editions()
    if day is None:
        return known[-1]
    earlier = [book for book in known if book.date.isoformat() <= day[:10]]
    return earlier[-1] if earlier else known[0]


def prices_of(region: str, families: tuple[str, ...]) -> Prices | None:
    """What functions are told of an office's families, by the newest edition; None: it has none of them."""
    book = book_of(None)
    known = book.regions.get(region)
    found = known.families(families) if known else []
    return Prices(day=book.date.isoformat(), families=tuple(found)) if found else None
