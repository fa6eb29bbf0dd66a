"""Three offices on one machine, as people see them: a branch by its own identity, HQ by its table."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from rich.console import Console

from twin import credentials, deploy
from twin import home as home_of_twin
from twin.offices import ROOT
from twin.server import Twin
from twin.state import State

OFFICES = ("hq", "eu", "us")
TERMINAL = ("succeeded", "failed", "rejected", "superseded")
PATIENCE_S = 480


class Unfinished(Exception):
    """Something that should have come did not."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    bucket: str
    key: str


@dataclass(kw_only=True)
class Offices:
    """The three offices, deployed."""

    twin: Twin
    console: Console
    outputs: dict[str, dict[str, Any]]
    _branches: dict[str, Any] = field(default_factory=dict)

    def deploy(self, office: str) -> list[deploy.Change]:
        """Brings one office to what its stack file says; what was done."""
        began = time.monotonic()
        with self.console.status(f"Deploying {office} from Pulumi.{office}.yaml …"):
            changes = deploy.up(office, root=self.twin.root)
        self.outputs[office] = State.load(office, home_of_twin.running().life).outputs
        seconds = time.monotonic() - began
        self.console.print(f"Deployed    {office}: {len(changes)} resources in {seconds:.1f} s")
        return changes

    def branch(self, office: str) -> Any:
        """An S3 client of the branch's own identity."""
        if office not in self._branches:
            self._branches[office] = credentials.branch_client("s3", office)
        return self._branches[office]

    def publish_references(self, folder: Path) -> None:
        """Puts every reference into HQ's bucket and waits until each office has it."""
        hq = self.twin.client("s3", "hq")
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        for path in files:
            hq.upload_file(str(path), self.outputs["hq"]["references_bucket"], str(path.relative_to(folder)))
        for office in OFFICES:
            bucket, s3 = self.outputs[office]["references_bucket"], self.twin.client("s3", office)
            wait_for(f"the references in {bucket}", partial(_holds, s3, bucket, len(files)))

    def upload(self, office: str, key: str, file: Path) -> Upload:
        bucket = self.outputs[office]["uploads_bucket"]
        self.branch(office).upload_file(str(file), bucket, key)
        return Upload(bucket=bucket, key=key)

    def status(self, office: str, sample: str) -> dict[str, Any] | None:
        """What the branch reads: the sample's status.json, or None while there is none."""
        try:
            body = self.branch(office).get_object(
                Bucket=self.outputs[office]["results_bucket"], Key=f"{sample}/status.json"
            )["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        status: dict[str, Any] = json.loads(body.read())
        return status

    def follow(self, office: str, sample: str) -> dict[str, Any]:
        """Shows each change of the sample's status until it has ended; returns the last."""
        deadline, shown = time.monotonic() + PATIENCE_S, ""
        with self.console.status("Waiting for the analysis …") as spinner:
            while time.monotonic() < deadline:
                status = self.status(office, sample)
                if status and status["state"] != shown:
                    shown = status["state"]
                    self.console.print(f"Status      {shown}: {status['summary']}")
                    spinner.update(f"{status['summary']} …")
                if status and shown in TERMINAL:
                    return status
                time.sleep(0.5)
        raise Unfinished(
            f"{sample} of {office} did not end in {PATIENCE_S} s; its last state: {shown or 'none'}"
        )

    def ended(self, office: str, sample: str) -> dict[str, Any]:
        """The sample's status once it has ended, without a word meanwhile."""

        def status() -> dict[str, Any] | None:
            found = self.status(office, sample)
            return found if found and found["state"] in TERMINAL else None

        found: dict[str, Any] = wait_for(f"the end of {sample} of {office}", status, seconds=PATIENCE_S)
        return found

    def fleet_table(self) -> list[dict[str, Any]]:
        """Every row of HQ's table, as plain values."""
        read = TypeDeserializer().deserialize
        table = self.outputs["hq"]["fleet_table"]
        pages = self.twin.client("dynamodb", "hq").get_paginator("scan").paginate(TableName=table)
        return [{k: read(v) for k, v in item.items()} for page in pages for item in page["Items"]]

    def in_fleet_table(self, office: str, run_id: str, state: str) -> dict[str, Any]:
        """HQ's row of a run, once it shows the state."""

        def row() -> dict[str, Any] | None:
            rows = (r for r in self.fleet_table() if (r.get("office"), r.get("run_id")) == (office, run_id))
            return next((r for r in rows if r["state"] == state), None)

        found: dict[str, Any] = wait_for(f"{office}'s run {run_id} as {state} in HQ's table", row)
        return found


def _holds(s3: Any, bucket: str, objects: int) -> bool:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return objects == sum(len(page.get("Contents", [])) for page in pages)


@contextmanager
def three_offices(
    home: Path, console: Console, tree: Callable[[Path], Path] | None = None
) -> Iterator[Offices]:
    """Starts a twin that knows nothing of an earlier one, and deploys hq, eu and us from their files.

    `tree` makes another folder of stack files than the repository's, in the folder that it is given.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    before = os.environ.get("TWIN_HOME")
    os.environ["TWIN_HOME"] = str(home / "twin")
    try:
        with Twin(root=tree(home / "tree") if tree else ROOT) as twin:
            offices = Offices(twin=twin, console=console, outputs={})
            for office in OFFICES:
                offices.deploy(office)
            yield offices
    finally:
        os.environ.pop("TWIN_HOME")
        if before is not None:
            os.environ["TWIN_HOME"] = before


def wait_for(what: str, probe: Any, seconds: float = 60) -> Any:
    """The first true answer of `probe`.

    Raises:
        Unfinished: there was none within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.2)
    raise Unfinished(f"{what} did not come within {seconds:.0f} s")
