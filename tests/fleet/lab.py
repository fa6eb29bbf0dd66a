"""Three offices in a ministack of their own: headquarters' table, ledgers, and runs to put into them."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from components.fleet import INDEXES
from components.names import physical
from components.office import Office
from fleet.access import Access, bucket, fleet_table, ledger_table
from fleet.app import app
from fleet.ledgers import expected
from handlers import ledger
from handlers.fleet import FleetContext, keep
from handlers.keys import Sample
from handlers.release import Release, releases_to_json
from handlers.run import Attempt, Run, run_id_of
from tests.handlers.aws_fakes import table_of
from tests.three_offices import known_fleet

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "a" * 64
# Long enough ago for every event to have arrived.
START = datetime.now(UTC) - timedelta(hours=2)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run(number: int = 1, **changes: Any) -> Run:
    """A run of its own for each number; received `number` seconds after the start."""
    sample = Sample(
        pipeline=changes.pop("pipeline", "metagenome"),
        project=changes.pop("project", "soil"),
        sample=changes.pop("sample", f"S{number}"),
    )
    received = at(number)
    made = Run(
        run_id=run_id_of("uploads", sample.key, f"v{number}", DIGEST),
        sample=sample,
        bucket="globalbi-eu-uploads-222222222222",
        version_id=f"v{number}",
        sequencer="00",
        size=3 * 2**30,
        content="{}",
        uploaded=received,
        release_digest=DIGEST,
        pipeline_version="0.1.0",
        job_definition="arn:aws:batch:eu-central-1:222222222222:job-definition/globalbi-eu-metagenome:1",
        references={"host": ("demo-host", "2026.1")},
        attempts=(
            Attempt(number=1, queue="spot", vcpus=4, memory_mib=6000, scratch_gib=20, time_limit_s=3600),
        ),
        message="The upload has been received.",
        times={"received": received},
        updated=received,
    )
    return replace(made, **changes)


def moved(one: Run, state: str, seconds: float = 60, **changes: Any) -> Run:
    """`one` in another state, so many seconds after the start."""
    return one.moved(state, at(seconds), **changes)


@dataclass(frozen=True, kw_only=True)
class Offices:
    access: Access

    def office(self, name: str) -> Office:
        return self.access.fleet.office(name)

    @property
    def headquarters_context(self) -> FleetContext:
        return FleetContext(table=fleet_table(), dynamodb=self.access.headquarters("dynamodb"))

    def at_home(self, office: str, *runs: Run) -> None:
        """Put runs into an office's ledger, as they are."""
        context = self.access.context(self.office(office))
        for one in runs:
            assert ledger.claim(context, one, None, None)
            if one.terminal:  # told to all: no longer among the open ones
                ledger.mark_announced(context, one)

    def at_headquarters(self, office: str, *runs: Run, arrived: str | None = None) -> None:
        """Put rows into headquarters' table, as the events of these runs do."""
        for one in runs:
            row = expected(one, self.office(office), None)
            keep(self.headquarters_context, row | ({"arrived": arrived} if arrived else {}))

    def everywhere(self, office: str, *runs: Run) -> None:
        self.at_home(office, *runs)
        self.at_headquarters(office, *runs)

    def fleet(self, *words: str, terminal_input: str | None = None) -> "Answer":
        """The command with these words."""
        result = CliRunner().invoke(app, list(words), obj=self.access, input=terminal_input)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(code=result.exit_code, out=result.stdout, err=result.stderr)


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def access_of(endpoint: str) -> Access:
    return Access(fleet=known_fleet(), endpoint=endpoint)


def three_offices(access: Access) -> Offices:
    """Empty tables for hq, eu and us."""
    made = Offices(access=access)
    _empty(
        access.headquarters("dynamodb"),
        table_of(fleet_table(), {name: (name, "updated") for name in INDEXES}),
    )
    for office in access.fleet.offices:
        _empty(access.client("dynamodb", office), table_of(ledger_table(office), ledger.INDEXES))
    return made


def _empty(dynamodb: Any, table: Mapping[str, Any]) -> None:
    if table["TableName"] in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=table["TableName"])
    dynamodb.create_table(**table)


def functions_start(offices: Offices, office: str, *releases: Release) -> None:
    """From now on the office's functions start runs by these."""
    home = offices.office(office)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("handlers.py", "")
    client = offices.access.client("lambda", home)
    name = physical(home.name, "progress")
    if name in [each["FunctionName"] for each in client.list_functions()["Functions"]]:
        client.delete_function(FunctionName=name)
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="handlers.progress",
        Role=f"arn:aws:iam::{home.account}:role/progress",
        Code={"ZipFile": code.getvalue()},
        Environment={
            "Variables": {
                "OFFICE": home.name,
                "LEDGER": ledger_table(home),
                "UPLOADS": bucket(home, "uploads"),
                "RESULTS": bucket(home, "results"),
                "REFERENCES": bucket(home, "references"),
                "JOB_QUEUE": "arn:spot",
                "ON_DEMAND_JOB_QUEUE": "arn:on-demand",
                "RETRIES": "{}",
                "IDENTIFIERS": "plain",
                "RELEASES": releases_to_json(releases),
            }
        },
    )
