"""Deliveries: what partners were sent, what they refuse, and what they have not acknowledged yet.

Each office's ledger knows its own; headquarters' table has none of it. An office with pseudonyms shows them
here, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from components.office import Office
from fleet import output
from fleet.access import Access, Unreachable, in_each, ledger_table
from fleet.options import JsonOption, OfficesArgument, chosen, now
from fleet.output import Exit, in_words, say, tell
from fleet.show import table
from fleet.text import ago, cell, plain
from handlers import delivery_ledger
from handlers.delivery_plan import (
    ACKNOWLEDGED,
    COPYING,
    DELIVERED,
    ERASED,
    ERASING,
    PLANNED,
    REFUSED,
    SUPERSEDED,
    Delivery,
    delivery_id_of,
)
from handlers.items import natural as read
from handlers.notify import pseudonym, pseudonym_key

STATES = (PLANNED, COPYING, DELIVERED, ACKNOWLEDGED, REFUSED, SUPERSEDED, ERASING, ERASED)
_COLOURS = {
    REFUSED: "red",
    DELIVERED: "yellow",
    ACKNOWLEDGED: "green",
    SUPERSEDED: "dim",
    ERASING: "yellow",
    ERASED: "dim",
}


def delivery_states(incomplete: str = "") -> list[str]:
    return [state for state in STATES if state.startswith(incomplete)]


def deliveries(
    context: typer.Context,
    offices: OfficesArgument = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", "-s", help="Only this state; repeatable.", autocompletion=delivery_states),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What partners were sent, the latest change first. Asks the offices' own accounts.

    Exit code 4 if an office could not be asked.
    """
    access: Access = context.obj
    wanted = _states(state)
    with in_words():
        asked = chosen(access, offices)
        answers = in_each(asked, lambda office: list(of_office(access, office)))
    told = [
        (office.name, each)
        for office in asked
        if isinstance(found := answers[office.name], list)
        for each in found
        if each.state in wanted
    ]
    told.sort(key=lambda row: row[1].updated, reverse=True)
    if as_json:
        tell([{"office": office, **asdict(each)} for office, each in told])
    elif told:
        output.show(_table(told, now()))
    else:
        say("No delivery is like that.")
    failed = {name: each for name, each in answers.items() if isinstance(each, Exception)}
    for name, error in failed.items():
        say(f"{name} could not be asked: {error}")
    if failed:
        raise typer.Exit(Exit.UNREACHABLE)


def of_office(access: Access, office: Office) -> Iterator[Delivery]:
    """Every delivery of an office's ledger. A list of everything is what no index answers."""
    pages = (
        access.client("dynamodb", office)
        .get_paginator("scan")
        .paginate(
            TableName=ledger_table(office),
            FilterExpression="sk IN (:delivery, :links)",
            ExpressionAttributeValues={":delivery": {"S": "delivery"}, ":links": {"S": "links"}},
        )
    )
    key = _key(access, office)
    linked = {each.partner for each in office.agreements if each.links}
    found, until = [], {}
    for item in (read(item) for page in pages for item in page["Items"]):
        if item["sk"] == "links":
            until[item["pk"].removeprefix("links#")] = item["until"]
        else:
            found.append(delivery_ledger.delivery_of(item))
    for each in found:
        told = _told(each, key)
        if each.state == DELIVERED and each.partner in linked:
            ends = until.get(each.delivery_id)
            told = replace(told, reason=f"links until {ends}" if ends else "waits for `fleet links`")
        yield told


def of_run(access: Access, office: Office, run_id: str) -> list[Delivery] | str:
    """The deliveries of one run, as the office file agrees on them; in words why they cannot be told."""
    if not office.agreements:
        return []
    try:
        context, key = access.context(office), _key(access, office)
        found = [
            delivery_ledger.read(context, delivery_id_of(agreement, run_id))
            for agreement in office.agreements
        ]
    except (Unreachable, BotoCoreError, ClientError) as error:
        return str(error)
    # A partner with several projects has but one of these ids for a run.
    return [_told(each, key) for each in {each.delivery_id: each for each in found if each}.values()]


def in_one_line(told: Iterable[Delivery] | str) -> str:
    """For a run's page: each partner with how its delivery stands."""
    if isinstance(told, str):
        return f"unknown: {told}"
    return "; ".join(
        f"{each.partner}: {each.state}{f' ({each.reason})' if each.reason else ''}, {each.delivery_id}"
        for each in told
    )


def _states(names: list[str] | None) -> tuple[str, ...]:
    for name in names or []:
        if name not in STATES:
            raise typer.BadParameter(f"must be one of {', '.join(STATES)}, not {plain(name)!r}")
    return tuple(names or STATES)


def _key(access: Access, office: Office) -> str | None:
    """Of the office's pseudonyms; None where names may be read."""
    hides = office.settings.identifiers == "pseudonymous"
    return pseudonym_key(access.context(office)) if hides else None


def _told(delivery: Delivery, key: str | None) -> Delivery:
    """With a key, names as headquarters knows them, and no words, which may quote them."""
    if key is None:
        return delivery
    place = delivery.place
    hidden_sample = pseudonym(key, f"{place.project}/{place.sample}")
    hidden = f"{place.pipeline}/{pseudonym(key, place.project)}/{hidden_sample}"
    return replace(delivery, sample=hidden, reason=delivery.failure)


def _table(told: Iterable[tuple[str, Delivery]], at: datetime) -> Table:
    made = table("office", "partner", "sample", "state", "updated", "delivery", "why")
    for office, each in told:
        made.add_row(
            cell(office),
            cell(each.partner),
            cell(each.sample),
            cell(each.state, _COLOURS.get(each.state, "")),
            cell(ago(each.updated, at)),
            cell(each.delivery_id[:12]),
            cell(each.reason),
        )
    return made


def json_of(told: list[Delivery] | str) -> Any:
    return told if isinstance(told, str) else [asdict(each) for each in told]
