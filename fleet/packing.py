"""`packing`: how much of the instances that runs were on they were given, and used."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from cost.book import book_of
from cost.packing import packed
from fleet import output
from fleet.access import Access
from fleet.options import JsonOption, OfficesArgument, chosen, table_of, time_option
from fleet.output import in_words, tell
from fleet.show import table
from fleet.table import Filter, Row, queries
from fleet.text import cell, plain


def packing(
    context: typer.Context,
    offices: OfficesArgument = None,
    since: Annotated[str, typer.Option(help="Runs since then: 12h, 7d, 2026-11-01.")] = "7d",
    as_json: JsonOption = False,
) -> None:
    """How much of the instances that runs were on they were given, and how much of that they used."""
    access: Access = context.obj
    with in_words():
        names = [office.name for office in chosen(access, offices)]
        begin = time_option(since)

        def rows() -> Iterator[Row]:
            for name in names:
                asked = queries(Filter(office=name, since=begin), names)
                yield from table_of(access).newest_first(asked)

        found = packed(rows(), book_of(None))
    if as_json:
        tell([asdict(each) for each in found])
        return
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
