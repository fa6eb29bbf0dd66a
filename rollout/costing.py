"""What a change costs, worked out where the change is: the commands that read past runs and price them.

`runs` is run by a job that may read headquarters' table, with the base's code and no name of a sample in
reach; `cost_of` by the job that previewed the office, with the change's own pipelines and stack file.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from rollout.cost_change import CostChange, Month, Replayed

LAST_RUNS = 50


def runs(arguments: argparse.Namespace) -> int:
    """The last runs of --offices, from headquarters' table, as OFFICE.json each; or why there are none."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from components.names import FLEET
    from cost.replay import ATTRIBUTES
    from fleet.table import Filter, FleetTable, queries
    from handlers.run import FAILED, SUCCEEDED

    table = FleetTable(name=FLEET, dynamodb=boto3.client("dynamodb"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for office in json.loads(arguments.offices):
        # Of a superseded run nobody is told when its job ended.
        asked = queries(Filter(office=office, states=(FAILED, SUCCEEDED)), [office], ATTRIBUTES)
        told: dict[str, Any] = {"runs": [], "missing": ""}
        try:
            told["runs"] = list(islice(table.newest_first(asked), LAST_RUNS))
        except ClientError as error:
            told["missing"] = f"headquarters' table could not be read ({error.response['Error']['Code']})"
        except BotoCoreError as error:
            told["missing"] = f"headquarters' table could not be read ({type(error).__name__})"
        (arguments.out / f"{office}.json").write_text(json.dumps(told))
        print(f"{office}: {len(told['runs'])} runs {told['missing']}")
    return 0


def cost_of(root: Path, name: str, preview: Mapping[str, Any], past: Path | None) -> CostChange:
    """The cost of a previewed change of an office; what cannot be worked out is said in words."""
    from components.roster import Fleet
    from cost.book import book_of

    fleet, book = Fleet.load(root), book_of(None)
    office = fleet.office(name)
    told = _past(past, name)
    replays = _replays(fleet, office, told["runs"]) if told["runs"] else ()
    return CostChange(
        prices_of=book.date.isoformat(),
        month=_month(preview, book.regions.get(office.region)),
        replays=replays,
        missing=told["missing"] or ("" if told["runs"] else "headquarters knows of none that is over"),
    )


def _past(folder: Path | None, office: str) -> Mapping[str, Any]:
    """As `runs` left it; download-artifact may put a folder of the artifact's name around it."""
    try:
        found = json.loads(next(folder.rglob(f"{office}.json")).read_text()) if folder else {}
        return {"runs": list(found["runs"]), "missing": str(found["missing"])}
    except (OSError, StopIteration, ValueError, KeyError, TypeError):
        return {"runs": [], "missing": "the job that reads headquarters' table left nothing"}


def _month(preview: Mapping[str, Any], prices: Any) -> Month | None:
    from cost.standing import standing
    from policies.declared import of_preview

    if prices is None or not preview.get("steps"):
        return None
    before, after = (
        standing(((each.kind, each.inputs) for each in stack.resources), prices)
        for stack in (of_preview(preview, before=True), of_preview(preview))
    )
    names = dict.fromkeys((*before.counts, *after.counts))
    return Month(
        before=round(before.usd, 4),
        after=round(after.usd, 4),
        parts=tuple((name, before.counts.get(name, 0), after.counts.get(name, 0)) for name in names),
        unknown=tuple(dict.fromkeys((*before.unknown, *after.unknown))),
    )


def _replays(fleet: Any, office: Any, rows: list[Mapping[str, Any]]) -> tuple[Replayed, ...]:
    from cost.book import book_of
    from cost.replay import Terms, replay

    settings = office.settings
    terms = {
        pipeline: Terms(
            release=fleet.pipelines[pipeline].release(digest=pinned.digest, versions=pinned.references),
            families=settings.compute.instance_families,
            retries=settings.retries.model_dump(),
        )
        for pipeline, pinned in office.releases.items()
    }
    found = replay(rows, terms, book_of(None))
    return tuple(Replayed(pipeline=pipeline, **asdict(each)) for pipeline, each in found.items())
