"""`python -m cost`: the price book, what a sample's requests cost, and the comparison with AWS's bill.

`refresh` asks AWS for the prices of every office's region and families, and writes a new edition (it needs
`pricing:GetProducts` and `ec2:DescribeSpotPriceHistory`). `requests` counts what the control plane asks of
AWS for one sample. `shapes` says where a job of each pipeline is cheapest, beside what an office chose.
`reconcile` compares a Cost and Usage Report with what the platform says its runs cost.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from components.roster import Fleet
from cost import reconcile as reconciling
from cost import refresh, report
from cost.book import EDITIONS, Book, book_of
from cost.shapes import Place, Shape, places
from fleet import output
from fleet.text import cell

WIDTH = 130  # of a table, wherever it goes
SERVICES = {"s3": "S3", "dynamodb": "DynamoDB", "events": "EventBridge", "sqs": "SQS", "lambda": "Lambda"}
MOST_NAMED = 10  # attempts that cannot be priced


def _refresh(given: argparse.Namespace) -> int:
    """Write the edition of today."""
    wanted: dict[str, tuple[str, ...]] = {}
    for office in Fleet.load(Path.cwd(), priced=False).offices:
        families = office.settings.compute.instance_families
        wanted[office.region] = tuple(
            dict.fromkeys((*wanted.get(office.region, ()), *families, *given.families))
        )
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


def _shapes(given: argparse.Namespace) -> int:
    """Of every office and pipeline: what a job asks for, and the families, the cheapest first."""
    fleet, book = Fleet.load(Path.cwd()), book_of(None)
    console = Console(width=WIDTH)
    made = Table(
        title=f"A job of {given.gib:g} GiB of input, US dollars an hour on an instance full of such jobs",
        title_justify="left",
    )
    for column in (
        "office",
        "pipeline",
        "asks for",
        "instance",
        "Spot",
        "on demand",
        "jobs",
        "vCPUs",
        "memory",
        "",
    ):
        made.add_column(column, justify="right" if column in ("Spot", "on demand", "jobs") else "left")
    for office in fleet.offices:
        prices = book.regions.get(office.region)
        chosen = office.settings.compute.instance_families
        for name in sorted(office.releases):
            request = fleet.pipelines[name].release().request(round(given.gib * 2**30))
            head = (office.name, name, f"{request.vcpus} vCPUs, {request.memory_mib:,} MiB")
            found = places(Shape.of(request), prices) if prices else []
            for number, place in enumerate(found):
                made.add_row(*(head if not number else ("", "", "")), *_cells(place, chosen))
            if not found:
                made.add_row(*head, "nothing holds it, or its price is not known")
    console.print(made)
    console.print(
        f"Prices of {book.date}. Other families than the offices' are in it after `refresh --families`."
    )
    return 0


def _cells(place: Place, chosen: Sequence[str]) -> tuple[str, ...]:
    return (
        place.instance,
        "?" if place.spot is None else f"{place.spot:.4f}",
        f"{place.on_demand:.4f}",
        str(place.jobs),
        f"{place.vcpus_used:.0%}",
        f"{place.memory_used:.0%}",
        "the office's" if place.family in chosen else "",
    )


def _reconcile(given: argparse.Namespace) -> int:
    """Exit code 0 if the bill and the platform differ by no more than was allowed."""
    try:
        runs = [run for path in given.runs for run in json.loads(path.read_text())["runs"]]
        found = reconciling.reconcile(chain.from_iterable(map(report.read, given.report)), runs)
    except (report.Unreadable, OSError) as error:
        print(f"cost: {error}", file=sys.stderr)
        return 2
    if not found.rows:
        print("cost: neither the report nor the runs have a job in the report's days", file=sys.stderr)
        return 2
    console, table = output.console(), Table(title="Instances of runs, in US dollars", title_justify="left")
    columns = ("office", "day", "project", "platform", "bill", "difference", "%")
    causes = ("not on the bill", "not known here", "other hours", "other price")
    for column in (*columns, *causes):
        table.add_column(column, justify="left" if column in columns[:3] else "right")
    for (office, day, project), row in (*found.rows.items(), (("all", "", ""), found.total)):
        amounts = (row.platform, row.billed, row.difference)
        apart = (-row.missing, row.strange, row.by_time, row.by_price)
        table.add_row(
            *map(cell, (office, day, project)),
            *(f"{each:.4f}" for each in amounts),
            _percent(row),
            *(f"{each:+.4f}" if abs(each) >= 5e-5 else "" for each in apart),
        )
    console.print(table)
    console.print(
        f"On the bill and no run's: {found.unused:.4f} unused on instances, {found.untagged:.4f} untagged."
    )
    for words in found.unpriced[:MOST_NAMED]:
        console.print(cell(f"Not known here: {words}"))
    if len(found.unpriced) > MOST_NAMED:
        console.print(f"… and {len(found.unpriced) - MOST_NAMED} attempts more.")
    total = found.total
    return 0 if abs(total.difference) <= given.within / 100 * max(total.platform, total.billed) else 1


def _percent(row: reconciling.Row) -> str:
    return f"{100 * row.difference / row.platform:+.1f}" if row.platform else ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cost", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("refresh", help="a new edition of the price book, asked of AWS")
    made.add_argument("--folder", type=Path, default=EDITIONS, help="where editions are kept")
    made.add_argument("--families", nargs="*", default=[], help="others than the offices', for `shapes`")
    made.set_defaults(run=_refresh)
    made = commands.add_parser("requests", help="what the control plane asks of AWS for one sample")
    made.add_argument("--samples", type=int, default=100)
    made.add_argument("--region", default="us-east-1", help="whose prices")
    made.set_defaults(run=_requests)
    made = commands.add_parser("shapes", help="the cheapest instances for each pipeline's jobs")
    made.add_argument("--gib", type=float, default=1.0, help="of the input")
    made.set_defaults(run=_shapes)
    made = commands.add_parser("reconcile", help="a Cost and Usage Report beside what the platform says")
    made.add_argument(
        "report", type=Path, nargs="+", help="CUR 2.0 as CSV, plain or .gz, with split cost allocation data"
    )
    made.add_argument(
        "--runs", type=Path, nargs="+", required=True, help="what `fleet samples --json -n 10000` printed"
    )
    made.add_argument("--within", type=float, default=10.0, help="percent of difference that are allowed")
    made.set_defaults(run=_reconcile)
    given = parser.parse_args(arguments)
    return int(given.run(given))


if __name__ == "__main__":
    sys.exit(main())
