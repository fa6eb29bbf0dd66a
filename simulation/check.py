"""Check: the model against what the platform really did, kept in `measured/` with the command that measured.

`python -m simulation.check --record` sends samples at once through the twin, real containers with one place
for them. The model is told what each run took, and must foretell how long they wait and how many are done in
an hour; what a run takes is held against the pipeline's own measured points.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from handlers.release import GIB
from simulation.office import Limits, Office, Seen
from simulation.quotas import SUBMISSIONS
from simulation.stages import Stages

MEASURED = Path(__file__).with_name("measured")
TWIN, BURST = MEASURED / "twin.json", MEASURED / "burst.json"
POINTS = MEASURED.parent.parent / "benchmarks" / "measured" / "metagenome.json"
WITHIN = 0.15
AT_ONCE = 12
PAIRS, SEED = 1_000, 7


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure, as it was measured and as the model foretells it, in seconds or samples an hour."""

    name: str
    measured: float
    foretold: float

    @property
    def off(self) -> float:
        return self.foretold / self.measured - 1


def compared(measured: dict[str, Any]) -> list[Compared]:
    """Of samples that were sent at once through one place for jobs, in the order in which they ran."""
    runs = sorted(measured["at_once"], key=lambda each: float(each["started"]))
    uploads = sorted(float(each["uploaded"]) for each in runs)
    took = [float(each["ended"] - each["started"]) for each in runs]
    limits = Limits(jobs=1, submissions_a_s=SUBMISSIONS.limit, always_on=True)
    seen = _simulated(uploads, took, replace(Stages(), reclaims_per_hour=0.0), limits)
    waited = [float(each["started"] - each["uploaded"]) for each in runs]
    foretold = [wait for wait, count in seen.waited_start for _ in range(count)]
    last = max(at for at, count in enumerate(seen.ended) if count)
    hours, foretold_hours = max(float(each["ended"]) for each in runs) / 3600, last / 3600
    where = f"twin, {len(runs)} samples"
    return [
        Compared(
            name=f"{where}: done in an hour", measured=len(runs) / hours, foretold=len(runs) / foretold_hours
        ),
        Compared(
            name=f"{where}: median wait until it ran, s",
            measured=statistics.median(waited),
            foretold=statistics.median(foretold),
        ),
        Compared(name=f"{where}: longest wait, s", measured=max(waited), foretold=max(foretold)),
    ]


def pipeline(measured: dict[str, Any]) -> Compared:
    """What the pipeline takes of the largest samples; the quickest, since other work only makes it slower."""
    most = max(each["pairs"] for each in measured["points"])
    points = [each for each in measured["points"] if each["pairs"] == most]
    gib = points[0]["input_bytes"] / GIB
    stages = Stages()
    return Compared(
        name=f"pipeline, {most:,} pairs, s",
        measured=min(each["wall_s"] for each in points),
        foretold=stages.pipeline_s + stages.pipeline_s_per_gib * gib,
    )


def burst(measured: dict[str, Any]) -> list[Compared]:
    """Of uploads that come at once, with the production handlers on the campaign's model of AWS."""
    uploads = np.linspace(0, measured["within_s"], measured["uploads"])
    limits = Limits(jobs=10**6, submissions_a_s=SUBMISSIONS.limit, always_on=True)
    took = [60.0] * len(uploads)
    seen = _simulated(uploads.tolist(), took, replace(Stages(), reclaims_per_hour=0.0), limits)
    last = max(at for at, count in enumerate(seen.submitted) if count) + 1
    return [
        Compared(
            name=f"campaign, {len(uploads):,} uploads in a minute: all submitted after, s",
            measured=measured["drained_s"],
            foretold=last,
        )
    ]


def _simulated(uploads: list[float], took: list[float], stages: Stages, limits: Limits) -> Seen:
    """Each upload a class of its own, with its time."""
    office = Office(
        arrivals=uploads,
        kinds=list(range(len(uploads))),
        run_s=took,
        stages=stages,
        limits=limits,
        index_units=0.0,
        chance=np.random.default_rng(1),
        until_s=int(max(uploads) + sum(took) / limits.jobs + 3600),
    )
    return office.run()


def record() -> dict[str, Any]:
    """Minutes of real containers. Moments are seconds after the first upload."""
    from rich.console import Console

    from benchmarks.offices import OFFICES, deployed
    from benchmarks.overhead import publish_references
    from benchmarks.report import ROOT, machine
    from canary import mock

    community = mock.community(ROOT / ".build" / "mock", pairs=PAIRS, seed=SEED)
    with deployed(Console()) as offices:
        publish_references(offices, community.references)
        batch = offices.twin.client("batch", OFFICES[1])
        for each in batch.describe_compute_environments()["computeEnvironments"]:
            on_demand = each["computeResources"]["type"] == "EC2"
            batch.update_compute_environment(
                computeEnvironment=each["computeEnvironmentName"],
                **({"state": "DISABLED"} if on_demand else {"computeResources": {"maxvCpus": 4}}),
            )
        body = community.input_tar.read_bytes()
        _sent(offices, body, "warm", 1)
        at_once = _sent(offices, body, "at once", AT_ONCE)
    return {
        "command": "python -m simulation.check --record",
        **machine(),
        "load_after": round(os.getloadavg()[0], 1),
        "pairs": PAIRS,
        "at_once": at_once,
    }


def _sent(offices: Any, body: bytes, name: str, count: int) -> list[dict[str, float]]:
    """Uploads them and waits for all; when each was uploaded, started and ended."""
    eu, branch = offices.outputs["eu"], offices.branch("eu")
    began, uploaded = time.time(), {}
    for number in range(count):
        sample = f"metagenome/check/{name} {number}"
        branch.put_object(Bucket=eu["uploads_bucket"], Key=f"{sample}/input.tar", Body=body)
        uploaded[sample] = time.time() - began
    found: dict[str, dict[str, float]] = {}
    while len(found) < count:
        for sample in uploaded.keys() - found.keys():
            status = offices.status("eu", sample)
            if status and status["state"] in ("failed", "rejected"):
                raise RuntimeError(f"{sample}: {status['summary']}")
            if status and status["state"] == "succeeded":
                (attempt,) = status["attempts"]
                found[sample] = {
                    "uploaded": round(uploaded[sample], 3),
                    **{
                        name: round(datetime.fromisoformat(attempt[name]).timestamp() - began, 3)
                        for name in ("started", "ended")
                    },
                }
        time.sleep(0.1)
    return sorted(found.values(), key=lambda each: each["uploaded"])


def all_compared() -> list[Compared]:
    """Of what is kept."""
    return [
        pipeline(json.loads(POINTS.read_text())),
        *compared(json.loads(TWIN.read_text())),
        *burst(json.loads(BURST.read_text())),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation.check", description=(__doc__ or ""))
    parser.add_argument("--record", action="store_true", help="measure the twin anew")
    if parser.parse_args(arguments).record:
        made = record()
        TWIN.write_text(json.dumps(made, indent=1) + "\n")
        print(f"recorded {datetime.now(UTC):%Y-%m-%d %H:%M}")
    found = all_compared()
    for each in found:
        print(f"{each.name}: measured {each.measured:.1f}, foretold {each.foretold:.1f} ({each.off:+.0%})")
    return 0 if all(abs(each.off) <= WITHIN for each in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
