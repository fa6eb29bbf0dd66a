"""`python -m cost`: the price book, and what a sample's requests cost.

`refresh` asks AWS for the prices of every office's region and families, and writes a new edition (it needs
`pricing:GetProducts` and `ec2:DescribeSpotPriceHistory`). `requests` counts what the control plane asks of
AWS for one sample.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from components.roster import Fleet
from cost import refresh
from cost.book import EDITIONS, Book, book_of

SERVICES = {"s3": "S3", "dynamodb": "DynamoDB", "events": "EventBridge", "sqs": "SQS", "lambda": "Lambda"}


def _refresh(given: argparse.Namespace) -> int:
    """Write the edition of today."""
    wanted: dict[str, tuple[str, ...]] = {}
    for office in Fleet.load(Path.cwd()).offices:
        families = office.settings.compute.instance_families
        wanted[office.region] = tuple(dict.fromkeys((*wanted.get(office.region, ()), *families)))
    try:
        made = refresh.refreshed(
            wanted,
            datetime.now(UTC),
            boto3.client("pricing", region_name=refresh.PRICING_REGION),
            lambda region: boto3.client("ec2", region_name=region),
        )
    except (refresh.NotFound, BotoCoreError, ClientError) as error:
        print(f"cost: no new edition: {error}", file=sys.stderr)
        return 1
    print(f"written: {write(made, given.folder)}")
    return 0


def write(book: Book, folder: Path) -> Path:
    """The edition's file, named after its day."""
    path = folder / f"{book.date.isoformat()}.json"
    path.write_text(book.model_dump_json(by_alias=True, indent=1) + "\n")
    return path


def _requests(given: argparse.Namespace) -> int:
    """Exit code 0 if a sample and its duplicates stay below their limits."""
    # The campaign takes its stand-ins from the tests, which an installation without them lacks.
    from cost import requests

    sample, duplicates = requests.measure(given.samples), requests.measure_duplicates(given.samples)
    book = book_of(None)
    usd = sample.usd(book.regions[given.region])
    console, table = Console(), Table(title=f"One sample, of {given.samples}", title_justify="left")
    for column in ("service", "calls", "billed units", "USD"):
        table.add_column(column, justify="left" if column == "service" else "right")
    calls = requests.by_service(sample)
    for service in dict.fromkeys((*SERVICES, *calls)):
        units = sum(n for unit, n in sample.units.items() if unit.partition(":")[0] == service)
        table.add_row(
            SERVICES.get(service, service.capitalize()),
            f"{calls.get(service, 0):.1f}",
            f"{units:.1f}",
            f"{usd.get(service, 0):.7f}",
        )
    total = sum(usd.values())
    table.add_row("all", f"{sample.made + sample.polls:.1f}", "", f"{total:.7f}")
    console.print(table)
    told = ", ".join(f"{name} {count:.2f}" for name, count in duplicates.items())
    console.print(f"An event that was handled before: {told} calls. Prices of {given.region}, {book.date}.")
    kept = (
        sample.made + sample.polls <= requests.MOST_CALLS
        and total <= requests.MOST_USD
        and requests.mean_duplicate(duplicates, sample) <= requests.MOST_DUPLICATE
    )
    return 0 if kept else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cost", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("refresh", help="a new edition of the price book, asked of AWS")
    made.add_argument("--folder", type=Path, default=EDITIONS, help="where editions are kept")
    made.set_defaults(run=_refresh)
    made = commands.add_parser("requests", help="what the control plane asks of AWS for one sample")
    made.add_argument("--samples", type=int, default=100)
    made.add_argument("--region", default="us-east-1", help="whose prices")
    made.set_defaults(run=_requests)
    given = parser.parse_args(arguments)
    return int(given.run(given))


if __name__ == "__main__":
    sys.exit(main())
