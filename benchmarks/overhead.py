"""Where each second of a tiny sample goes, from the upload to HQ's table, with everything warm.

The sample is so small that the analysis itself takes no more than its tools need to start: what is left is
what the platform adds to every sample. Functions, references and image are there already; on AWS an instance
must often be started first, which takes minutes, is AWS's own, and is not in here.
"""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console

from benchmarks.offices import OFFICES, deployed
from benchmarks.report import ROOT, Figure, Report
from canary import mock
from demo.story import Offices

SAMPLES = 5  # and one before that warms up
PAIRS, SEED = 1_000, 7
POLL_S = 0.02
PATIENCE_S = 120
# Each step ends at the moment of its name.
STEPS = (
    ("taken", "the upload's bytes into the bucket"),
    ("claimed", "S3's event, its queue, and the claim in the ledger"),
    ("submitted", "SubmitJob"),
    ("starting", "AWS Batch places the job (RUNNING)"),
    ("working", "the container starts, the runner takes its lease"),
    ("published", "references, unpacking, the analysis, the results put"),
    ("stopped", "the container ends (SUCCEEDED)"),
    ("succeeded", "Batch's event, its queue, the manifest read, the ledger's last transition"),
    ("told", "status.json says so"),
    ("at_hq", "HQ's table says so, after the buses of both accounts"),
)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Moments of one sample in epoch seconds, and of the analysis its seconds."""

    began: float
    moments: dict[str, float]
    pipeline_s: float

    def seconds(self) -> dict[str, float]:
        """By step; the last two follow `succeeded` side by side."""
        found, before = {}, self.began
        for name, _ in STEPS:
            since = self.moments["succeeded"] if name in ("told", "at_hq") else before
            found[name] = self.moments[name] - since
            before = self.moments[name]
        return found


def measure(console: Console) -> Report:
    community = mock.community(ROOT / ".build" / "mock", pairs=PAIRS, seed=SEED)
    with deployed(console) as offices:
        publish_references(offices, community.references)
        traces = [trace(offices, community.input_tar, number) for number in range(SAMPLES + 1)][1:]
    steps = {name: statistics.median(t.seconds()[name] for t in traces) for name, _ in STEPS}
    whole = statistics.median(max(t.moments.values()) - t.began for t in traces)
    pipeline = statistics.median(t.pipeline_s for t in traces)
    figures = [Figure(name=f"{name}: {words}", value=steps[name], unit="s") for name, words in STEPS]
    figures += [
        Figure(name="all, from the first byte to HQ's table", value=whole, unit="s"),
        Figure(name="of which the pipeline's own tools", value=pipeline, unit="s"),
        Figure(name="what the platform adds", value=whole - pipeline, unit="s"),
    ]
    detail = {"traces": [t.seconds() | {"pipeline_s": t.pipeline_s} for t in traces]}
    size_kb = community.input_tar.stat().st_size / 1e3
    title = f"One sample of {size_kb:.0f} kB with everything warm, median of {SAMPLES}"
    return Report(title=title, figures=figures, detail=detail)


def publish_references(offices: Offices, folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    hq = offices.twin.client("s3", OFFICES[0])
    for key, path in files.items():
        hq.upload_file(str(path), offices.outputs[OFFICES[0]]["references_bucket"], key)


def trace(offices: Offices, tar: Path, number: int) -> Trace:
    """Sends one sample through, alone, and gathers its moments."""
    sample, eu = f"metagenome/overhead/sample {number}", offices.outputs["eu"]
    body, branch = tar.read_bytes(), offices.branch("eu")
    run = Run(offices, sample)
    began = time.time()
    branch.put_object(Bucket=eu["uploads_bucket"], Key=f"{sample}/input.tar", Body=body)
    taken = time.time()
    with ThreadPoolExecutor(4) as pool:
        probes = (run.leased, run.published, run.told, run.at_hq)
        working, published, told, at_hq = pool.map(first, probes)
    item, manifest = run.item(), run.manifest()
    times: dict[str, Any] = TypeDeserializer().deserialize(item["times"])
    job_id = item["attempts"]["L"][-1]["M"]["job_id"]["S"]
    (job,) = offices.twin.client("batch", "eu").describe_jobs(jobs=[job_id])["jobs"]
    return Trace(
        began=began,
        moments={
            "taken": taken,
            "claimed": datetime.fromisoformat(times["received"]).timestamp(),
            "submitted": job["createdAt"] / 1000,
            "starting": job["startedAt"] / 1000,
            "working": working,
            "published": published,
            "stopped": job["stoppedAt"] / 1000,
            "succeeded": datetime.fromisoformat(times["succeeded"]).timestamp(),
            "told": told,
            "at_hq": at_hq,
        },
        pipeline_s=float(manifest["resources"]["wall_s"]),
    )


def first(probe: Callable[[], object]) -> float:
    """The moment at which the probe is true for the first time."""
    deadline = time.time() + PATIENCE_S
    while not probe():
        if time.time() > deadline:
            raise TimeoutError(f"{probe} did not come true within {PATIENCE_S} s")
        time.sleep(POLL_S)
    return time.time()


class Run:
    """What can be seen of a sample's run from outside, by its account's root."""

    def __init__(self, offices: Offices, sample: str) -> None:
        self._offices, self._sample, self._id = offices, sample, ""
        self._eu, self._hq = offices.outputs["eu"], offices.outputs["hq"]
        self._s3, self._ledger = offices.twin.client("s3", "eu"), offices.twin.client("dynamodb", "eu")
        self._fleet = offices.twin.client("dynamodb", "hq")

    def item(self) -> dict[str, Any]:
        """Its item in the ledger; empty before it is claimed."""
        if not self._id:
            newest = self._read(f"sample#{self._sample}", "sample")
            self._id = newest.get("run_id", {}).get("S", "")
        return self._read(f"run#{self._id}", "run") if self._id else {}

    def leased(self) -> bool:
        return "lease_token" in self.item()

    def manifest(self) -> dict[str, Any]:
        """What the run published; empty before."""
        key = f"{self._sample}/{self._id}/manifest.json"
        try:
            answer = self._s3.get_object(Bucket=self._eu["results_bucket"], Key=key)
        except self._s3.exceptions.NoSuchKey:
            return {}
        found: dict[str, Any] = json.loads(answer["Body"].read())
        return found

    def published(self) -> bool:
        return bool(self._id) and self.manifest() != {}

    def told(self) -> bool:
        status = self._offices.status("eu", self._sample)
        return status is not None and status["state"] == "succeeded"

    def at_hq(self) -> bool:
        rows = self._fleet.query(
            TableName=self._hq["fleet_table"],
            IndexName="by_sample",
            KeyConditionExpression="by_sample = :sample",
            ExpressionAttributeValues={":sample": {"S": f"sample#{self._sample}"}},
        )["Items"]
        return any(row["state"]["S"] == "succeeded" for row in rows)

    def _read(self, pk: str, sk: str) -> dict[str, Any]:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        found: dict[str, Any] = self._ledger.get_item(
            TableName=self._eu["ledger_table"], Key=key, ConsistentRead=True
        ).get("Item", {})
        return found
