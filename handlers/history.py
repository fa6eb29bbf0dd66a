"""A pipeline's finished runs, from which is foretold when the next will end and what it will cost.

One item of the ledger for each pipeline. The desk alone keeps it, when it makes a project's page.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict

from handlers.context import Context
from handlers.forecast import Finished
from handlers.items import get, put


def read(context: Context, pipeline: str) -> dict[str, Finished]:
    """By run id."""
    item = get(context, _key(pipeline))
    return {} if item is None else {run: Finished(**each) for run, each in json.loads(item["runs"]).items()}


def keep(context: Context, pipeline: str, runs: Mapping[str, Finished]) -> None:
    put(context, {**_key(pipeline), "runs": json.dumps({run: asdict(each) for run, each in runs.items()})})


def _key(pipeline: str) -> dict[str, str]:
    return {"pk": f"history#{pipeline}", "sk": "history"}
