"""`packing`: how much of the instances that runs were on they were given, and used, and how full each was."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.text import Text

from cost.book import book_of
from cost.instances import WHY, Filled, Held, Instances, held_of, instances, together
from cost.packing import Packed, packed
from fleet import output
from fleet.access import Access
from fleet.options import JsonOption, OfficesArgument, chosen, table_of, time_option
from fleet.output import in_words, say, tell
from fleet.show import table
from fleet.table import Filter, Row, queries
from fleet.text import cell, plain

MOST_INSTANCES = 20


def packing(
    context: typer.Context,
    offices: OfficesArgument = None,
    since: Annotated[str, typer.Option(help="Runs since then: 12h, 7d, 2026-11-01.")] = "7d",
    as_json: JsonOption = False,
) -> None:
    """How much of the instances that runs were on they were given, and used; how full each instance was."""
    access: Access = context.obj
    with in_words():
        names = [office.name for office in chosen(access, offices)]
        begin = time_option(since)
        jobs: list[Held] = []

        def rows() -> Iterator[Row]:
            for name in names:
                asked = queries(Filter(office=name, since=begin), names)
                for row in table_of(access).newest_first(asked):
                    jobs.extend(held_of(row))
                    yield row

        prices = book_of(None)
        found = packed(rows(), prices)
        filled = instances(jobs, prices)
    if as_json:
        tell(_json(found, filled))
        return
    _show_shares(found)
    _show_instances(filled)


def _json(found: list[Packed], filled: Instances) -> dict[str, Any]:
    return {
        "shares": [asdict(each) for each in found],
        "instances": [
            {
                "office": each.office,
                "id": each.id,
                "instance": each.instance,
                "market": each.market,
                "pipelines": list(each.pipelines),
                **each.filled.told(),
            }
            for each in filled.known
        ],
        "together": together(each.filled for each in filled.known).told(),
        "left_out": dict(filled.left_out),
    }


def _show_shares(found: list[Packed]) -> None:
    shares = ("of its price", "vCPUs given", "vCPUs used", "memory given", "memory used")
    made = table("pipeline", "instance", "jobs", "hours", *shares)
    for each in found:
        figures = (
            each.price_share, each.vcpus_given, each.vcpus_used, each.memory_given, each.memory_used
        )  # fmt: skip
        made.add_row(
            cell(plain(each.pipeline)),
            cell(f"{each.instance} {each.market}"),
            cell(each.jobs),
            cell(f"{each.hours:.1f}"),
            *(cell("?" if share is None else f"{share:.0%}") for share in figures),
        )
    output.show(made)


def _show_instances(filled: Instances) -> None:
    if filled.known:
        made = table(
            "instance",
            "type",
            "jobs",
            "hours",
            "at once",
            "most",
            "vCPUs given",
            "memory given",
            "unused USD",
        )
        whole = together(each.filled for each in filled.known)
        made.add_row(cell(f"all {len(filled.known)}"), cell(""), *_cells(whole))
        for each in filled.known[:MOST_INSTANCES]:
            name, kind = f"{each.office} {each.id}", f"{each.instance} {each.market}"
            made.add_row(cell(plain(name)), cell(plain(kind)), *_cells(each.filled))
        output.show(Text())
        output.show(made)
        if len(filled.known) > MOST_INSTANCES:
            say(f"The {MOST_INSTANCES} with the most unused vCPUs of {len(filled.known)}; all with --json.")
    for why, jobs in filled.left_out.items():
        if jobs:
            say(f"{jobs} jobs {WHY[why]}.")


def _cells(filled: Filled) -> list[Text]:
    return [
        cell(filled.jobs),
        cell(f"{filled.hours:.1f}"),
        cell(f"{filled.mean_at_once:.1f}"),
        cell(filled.most_at_once),
        cell(f"{filled.vcpus_given:.0%}"),
        cell(f"{filled.memory_given:.0%}"),
        cell("?" if filled.usd_unused is None else f"{filled.usd_unused:.2f}"),
    ]
