"""A new edition of the price book, asked of AWS: on-demand prices and units by `pricing:GetProducts`, Spot by
`ec2:DescribeSpotPriceHistory` in each region. Nothing is written unless every price was found.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from cost.book import STANDING, UNITS, Book, Instance, Region

PRICING_REGION = "us-east-1"  # AWS: the Price List has endpoints in few regions, and answers for all
SPOT_PRODUCT = "Linux/UNIX"
SOURCES = (
    "AWS Price List (pricing:GetProducts), public prices",
    "Spot: ec2:DescribeSpotPriceHistory, the median of the zones",
)


# AWS Batch chooses among all sizes of a family; bare metal is none of them.
SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge")
LINUX = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
# Usage types begin with the region's code, but for us-east-1's; those of KMS with its name.
_REGION = re.compile(r"^(?:[A-Z]{2,4}[0-9]|EU|[a-z]{2}(?:-[a-z]+)+-[0-9])-")


class NotFound(Exception):
    """AWS's price list did not answer with one price; the words say of what, and what came."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A product of the price list; `usage` is its usage type without the region, if filters leave several."""

    service: str
    filters: Mapping[str, str]
    usage: str = ""
    everywhere: bool = False  # one product for all regions


STORAGE = Wanted(
    service="AmazonS3",
    filters={"productFamily": "Storage", "volumeType": "Standard"},
    usage="TimedStorage-ByteHrs",
)
VOLUME = Wanted(
    service="AmazonEC2",
    filters={"productFamily": "Storage", "volumeApiName": "gp3"},
    usage="EBS:VolumeUsage.gp3",
)
_THROUGHPUT = "Amazon DynamoDB PayPerRequest Throughput"
UNIT: Mapping[str, Wanted] = {
    "s3:write": Wanted(service="AmazonS3", filters={"group": "S3-API-Tier1"}, usage="Requests-Tier1"),
    "s3:read": Wanted(service="AmazonS3", filters={"group": "S3-API-Tier2"}, usage="Requests-Tier2"),
    "dynamodb:write": Wanted(
        service="AmazonDynamoDB",
        filters={"productFamily": _THROUGHPUT, "group": "DDB-WriteUnits"},
        usage="WriteRequestUnits",
    ),
    "dynamodb:read": Wanted(
        service="AmazonDynamoDB",
        filters={"productFamily": _THROUGHPUT, "group": "DDB-ReadUnits"},
        usage="ReadRequestUnits",
    ),
    "sqs:request": Wanted(service="AWSQueueService", filters={"queueType": "Standard"}, usage="Requests-RBP"),
    "events:custom": Wanted(service="AWSEvents", filters={"eventType": "Custom Event"}),
    "lambda:request": Wanted(service="AWSLambda", filters={"group": "AWS-Lambda-Requests-ARM"}),
    "lambda:gb-second": Wanted(service="AWSLambda", filters={"group": "AWS-Lambda-Duration-ARM"}),
    "vpc:endpoint-hour": Wanted(
        service="AmazonVPC", filters={"productFamily": "VpcEndpoint"}, usage="VpcEndpoint-Hours"
    ),
    "kms:key-month": Wanted(service="awskms", filters={"productFamily": "Encryption Key"}, usage="KMS-Keys"),
    "cloudwatch:alarm-month": Wanted(
        service="AmazonCloudWatch", filters={"productFamily": "Alarm"}, usage="CW:AlarmMonitorUsage"
    ),
    "cloudwatch:dashboard-month": Wanted(
        service="AmazonCloudWatch",
        filters={"productFamily": "Dashboard", "location": "Any"},
        usage="DashboardsUsageHour",
        everywhere=True,
    ),
}


def refreshed(
    regions: Mapping[str, Sequence[str]], now: datetime, pricing: Any, ec2: Callable[[str], Any]
) -> Book:
    """An edition of today. `regions`: the families of each. Raises `NotFound`."""
    return Book(
        date=now.date(),
        currency="USD",
        sources=SOURCES,
        regions={
            name: _region(name, families, pricing, ec2(name), now)
            for name, families in sorted(regions.items())
        },
    )


def _region(name: str, families: Sequence[str], pricing: Any, ec2: Any, now: datetime) -> Region:
    on_demand = {type_: each for family in families for type_, each in _instances(pricing, name, family)}
    spot = _spot(ec2, sorted(on_demand), now)
    return Region(
        instances={
            type_: each.model_copy(update={"spot": spot.get(type_)}) for type_, each in on_demand.items()
        },
        storage_gb_month=_price(pricing, name, STORAGE),
        volume_gb_month=_price(pricing, name, VOLUME),
        units={unit: _price(pricing, name, UNIT[unit]) for unit in UNITS},
        standing={unit: _price(pricing, name, UNIT[unit]) for unit in STANDING},
    )


def _instances(pricing: Any, region: str, family: str) -> Iterable[tuple[str, Instance]]:
    """The sizes of a family that the region offers: Linux, on demand, without licences of others."""
    found = False
    for size in SIZES:
        filters = {**LINUX, "instanceType": f"{family}.{size}"}
        for product in _products(pricing, "AmazonEC2", region, filters):
            attributes, found = product["product"]["attributes"], True
            yield (
                attributes["instanceType"],
                Instance(
                    vcpus=int(attributes["vcpu"]),
                    memory_gib=float(attributes["memory"].removesuffix(" GiB").replace(",", "")),
                    on_demand=_first_tier(product),
                ),
            )
    if not found:
        raise NotFound(f"{region}: the price list has no {family}: does the region offer that family?")


def _price(pricing: Any, region: str, wanted: Wanted) -> float:
    found = {
        _first_tier(product)
        for product in _products(pricing, wanted.service, "" if wanted.everywhere else region, wanted.filters)
        if wanted.usage in ("", _usage(product))
    }
    if len(found) != 1:
        raise NotFound(
            f"{region}: {wanted.service} {dict(wanted.filters)} must have one price"
            f" (usage {wanted.usage or 'any'}), not {sorted(found) or 'none'}"
        )
    return found.pop()


def _usage(product: Mapping[str, Any]) -> str:
    return _REGION.sub("", str(product["product"]["attributes"].get("usagetype", "")))


def _products(
    pricing: Any, service: str, region: str, filters: Mapping[str, str]
) -> Iterable[Mapping[str, Any]]:
    asked = {**filters, "regionCode": region} if region else filters
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode=service,
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in asked.items()],
    )
    for page in pages:
        for text in page["PriceList"]:
            yield json.loads(text)


def _first_tier(product: Mapping[str, Any]) -> float:
    """The price of the first unit that is not free, on demand."""
    dimensions = [
        dimension
        for term in product["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
    ]
    paid = [each for each in dimensions if float(each["pricePerUnit"]["USD"]) > 0]
    if not paid:
        raise NotFound(f"{_usage(product)} has no price in US dollars")
    return float(min(paid, key=lambda each: float(each.get("beginRange", 0)))["pricePerUnit"]["USD"])


def _spot(ec2: Any, types: Sequence[str], now: datetime) -> dict[str, float]:
    """The median over the zones of the price that holds now."""
    zones: dict[str, dict[str, float]] = {}
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=list(types), ProductDescriptions=[SPOT_PRODUCT], StartTime=now
    )
    for page in pages:
        for each in page["SpotPriceHistory"]:
            zones.setdefault(each["InstanceType"], {})[each["AvailabilityZone"]] = float(each["SpotPrice"])
    return {name: round(median(prices.values()), 6) for name, prices in zones.items()}
