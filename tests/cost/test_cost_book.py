"""The price book's editions, and a new one asked of AWS."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from components.roster import Fleet
from cost.__main__ import main, write
from cost.book import STANDING, UNITS, Book, Region, book_of, editions
from cost.refresh import LINUX, SIZES, UNIT, NotFound, refreshed
from tests.three_offices import add_office, checkout_of

NOW = datetime(2026, 12, 24, 8, tzinfo=UTC)
USAGE = {"s3:write": "Requests-Tier1", "dynamodb:write": "WriteRequestUnits"}
PRICES = {unit: (number + 1) * 1e-6 for number, unit in enumerate((*UNITS, *STANDING))}


def test_every_office_can_price_its_families() -> None:
    """An office whose region or family has no price tells no estimate and no cost."""
    for office in Fleet.load(Path.cwd()).offices:
        region = book_of(None).regions[office.region]
        families = region.families(office.settings.compute.instance_families)
        assert [each.name for each in families] == list(office.settings.compute.instance_families)
        assert all(each.spot is not None and each.spot < each.on_demand for each in families)
        assert set(region.standing) == set(STANDING)


def test_within_a_family_prices_grow_with_the_size() -> None:
    """Estimates price a job before AWS Batch has chosen a size: they rest on this."""
    for region in book_of("2026-11-25").regions.values():
        for name, instance in region.instances.items():
            [family] = region.families((name.partition(".")[0],))
            assert instance.on_demand == pytest.approx(family.on_demand * instance.vcpus, rel=0.001), name
            assert instance.memory_gib == family.gib_per_vcpu * instance.vcpus


def edition(day: str) -> Book:
    return Book(date=date.fromisoformat(day), currency="USD", sources=("a test",), regions={})


@pytest.mark.parametrize(
    ("day", "valid"),
    [
        ("2026-01-31T23:59:59.000Z", "2026-01-01"),
        ("2026-02-01T00:00:00.000Z", "2026-02-01"),
        ("2026-12-31", "2026-02-01"),
        ("2025-06-01", "2026-01-01"),
        (None, "2026-02-01"),
    ],
)
def test_a_run_is_priced_by_the_prices_of_its_time(day: str | None, valid: str) -> None:
    """A refresh must not change what last month's runs cost."""
    books = (edition("2026-01-01"), edition("2026-02-01"))
    assert book_of(day, books).date.isoformat() == valid


def test_an_edition_is_named_after_its_day(tmp_path: Path) -> None:
    """Editions are ordered by their names: one under a wrong name would price the wrong time."""
    (tmp_path / "2026-01-02.json").write_text(edition("2026-01-01").model_dump_json(by_alias=True))
    with pytest.raises(ValueError, match="named after its date, 2026-01-01"):
        editions(tmp_path)
    with pytest.raises(ValueError, match="holds no prices"):
        editions(tmp_path / "none")


# --- refresh: answers as the Price List API gives them


def product(price: float, attributes: dict[str, str], free: float | None = None) -> str:
    tiers = [("0", free), ("1000", price)] if free is not None else [("0", price)]
    dimensions = {
        f"SKU.TERM.{number}": {"beginRange": begin, "unit": "Unit", "pricePerUnit": {"USD": f"{usd:.10f}"}}
        for number, (begin, usd) in enumerate(tiers)
    }
    return json.dumps(
        {
            "product": {"productFamily": "x", "attributes": attributes, "sku": "SKU"},
            "serviceCode": "x",
            "terms": {"OnDemand": {"SKU.TERM": {"priceDimensions": dimensions, "sku": "SKU"}}},
        }
    )


class Aws:
    """The price list and the Spot history of one region, recorded for these families."""

    def __init__(self, region: str = "eu-central-1", prefix: str = "EUC1-") -> None:
        self.region, self.prefix = region, prefix
        self.pricing = boto3.client("pricing", region_name="us-east-1", **KEYS)
        self.ec2 = boto3.client("ec2", region_name=region, **KEYS)
        self.prices, self.spot = Stubber(self.pricing), Stubber(self.ec2)

    def answer(self, service: str, filters: dict[str, str], *products: str, everywhere: bool = False) -> None:
        all_filters = filters if everywhere else filters | REGION
        asked = [{"Type": "TERM_MATCH", "Field": n, "Value": v} for n, v in all_filters.items()]
        self.prices.add_response(
            "get_products", {"PriceList": list(products)}, {"ServiceCode": service, "Filters": asked}
        )

    def sizes(self, offered: dict[str, tuple[int, float]]) -> None:
        for size in SIZES:
            found = []
            if size in offered:
                vcpus, usd = offered[size]
                attributes = {
                    "instanceType": f"c6id.{size}",
                    "vcpu": str(vcpus),
                    "memory": f"{2 * vcpus} GiB",
                    "usagetype": f"{self.prefix}BoxUsage:c6id.{size}",
                }
                found = [product(usd, attributes)]
            self.answer("AmazonEC2", {**LINUX, "instanceType": f"c6id.{size}"}, *found)

    def rest(self, **instead: list[str]) -> None:
        storage = {"productFamily": "Storage", "volumeType": "Standard"}
        self.answer(
            "AmazonS3",
            storage,
            product(0.0245, {"usagetype": f"{self.prefix}TimedStorage-ByteHrs"}),
            product(0.03, {"usagetype": f"{self.prefix}TimedStorage-Tables-ByteHrs"}),
        )
        volume = {"productFamily": "Storage", "volumeApiName": "gp3"}
        self.answer("AmazonEC2", volume, product(0.0952, {"usagetype": f"{self.prefix}EBS:VolumeUsage.gp3"}))
        for unit in (*UNITS, *STANDING):
            wanted = UNIT[unit]
            prefix = f"{self.region}-" if wanted.service == "awskms" else self.prefix
            usage = prefix + (wanted.usage or "Any-Usage")
            found = instead.get(unit) or [product(PRICES[unit], {"usagetype": usage}, free=0.0)]
            self.answer(wanted.service, dict(wanted.filters), *found, everywhere=wanted.everywhere)

    def history(self, **prices: float) -> None:
        rows = [
            {"AvailabilityZone": zone, "InstanceType": "c6id.large", "SpotPrice": f"{usd:.6f}"}
            for zone, usd in prices.items()
        ]
        self.spot.add_response(
            "describe_spot_price_history",
            {"SpotPriceHistory": rows},
            {
                "InstanceTypes": ["c6id.large", "c6id.xlarge"],
                "ProductDescriptions": ["Linux/UNIX"],
                "StartTime": NOW,
            },
        )

    def book(self) -> Book:
        with self.prices, self.spot:
            return refreshed({self.region: ["c6id"]}, NOW, self.pricing, lambda _: self.ec2)


KEYS: Any = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
REGION = {"regionCode": "eu-central-1"}


def test_a_refresh_writes_an_edition_that_is_read_again(tmp_path: Path) -> None:
    """Prices change without a word: without this every figure drifts away from the bill."""
    aws = Aws()
    aws.sizes({"large": (2, 0.11655), "xlarge": (4, 0.2331)})
    aws.history(**{"eu-central-1a": 0.03, "eu-central-1b": 0.05, "eu-central-1c": 0.04})
    aws.rest()
    made = aws.book()
    write(made, tmp_path)
    [read] = editions(tmp_path)
    assert read == made
    region: Region = read.regions["eu-central-1"]
    assert read.date == NOW.date()
    assert region.instances["c6id.large"].on_demand == 0.11655
    assert region.instances["c6id.large"].spot == 0.04  # the median of the zones
    assert region.instances["c6id.xlarge"].spot is None  # no zone has told one
    assert (region.storage_gb_month, region.volume_gb_month) == (0.0245, 0.0952)
    assert {**region.units, **region.standing} == pytest.approx(PRICES)  # not the free tier's nought
    assert set(region.standing) == set(STANDING)


def test_prices_that_look_alike_are_told_apart() -> None:
    """Infrequent Access writes bear nearly the same usage type, and another price."""
    aws = Aws()
    aws.sizes({"large": (2, 0.11655), "xlarge": (4, 0.2331)})
    aws.history(**{"eu-central-1a": 0.03})
    right = product(PRICES["dynamodb:write"], {"usagetype": "EUC1-WriteRequestUnits"})
    others = [product(9.0, {"usagetype": f"EUC1-{kind}WriteRequestUnits"}) for kind in ("IA-", "Repl")]
    aws.rest(**{"dynamodb:write": [*others, right]})
    assert aws.book().regions["eu-central-1"].units["dynamodb:write"] == pytest.approx(
        PRICES["dynamodb:write"]
    )


def test_without_every_price_there_is_no_edition() -> None:
    """An edition with holes would price some runs and not others, and nobody would know since when."""
    aws = Aws()
    aws.sizes({})
    with pytest.raises(NotFound, match=re.escape("eu-central-1: the price list has no c6id")):
        aws.book()
    aws = Aws()
    aws.sizes({"large": (2, 0.11655), "xlarge": (4, 0.2331)})
    aws.history(**{"eu-central-1a": 0.03})
    two = [product(usd, {"usagetype": "EUC1-Requests-Tier1"}) for usd in (0.1, 0.2)]
    aws.rest(**{"s3:write": two})
    with pytest.raises(NotFound, match=r"must have one price \(usage Requests-Tier1\), not \[0.1, 0.2\]"):
        aws.book()


def test_prices_are_asked_for_an_office_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is refused until they are there: the way out must not be refused as well."""
    root, asked = checkout_of(tmp_path), dict[str, Any]()
    add_office(root, "za", account="555555555555", region="af-south-1", cidr="10.40.0.0/16")

    def nothing_found(regions: dict[str, Any], *_: Any) -> Book:
        asked.update(regions)
        raise NotFound("nothing, in this test")

    monkeypatch.setattr("cost.refresh.refreshed", nothing_found)
    monkeypatch.chdir(root)
    assert main(["refresh", "--folder", str(tmp_path)]) == 1
    assert asked["af-south-1"] == ("c6id", "m6id", "r6id")
