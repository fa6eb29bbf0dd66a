"""What must hold at the end of a campaign, counted from the accounts as they are then.

Nothing here asks the handlers: the buckets, the ledger's items, the jobs and the containers are looked at
directly, and each broken promise is named with the sample it broke for.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from campaign.comparisons import cohorts_behind
from campaign.container import Container
from campaign.offices import Office
from campaign.story import Campaign, Upload
from fleet.passports import Passport
from handlers.context import epoch, iso
from tests.handlers.aws_fakes import SIGNING_KEY, Version

TERMINAL = ("succeeded", "failed", "rejected", "superseded")
PROMISES = {
    "lost": "uploads that came to no end",
    "published twice": "runs with two results, or with one that mixes attempts",
    "older as latest": "samples whose latest result is of an older upload",
    "foreign writes": "calls to another office's resources",
    "not terminal": "runs without an end, and not in a dead-letter queue with a reason",
    "status behind": "samples whose status.json is not what the ledger says",
    "cohort behind": "projects whose latest comparison is not of the newest results, or is not the only one",
    "over the limit": "seconds with more than 50 submissions",
    "passport wrong": "results without their one passport, or with one that is not of them",
}


@dataclass(kw_only=True)
class Findings:
    """`broken` by promise: what broke it. `counts` and `compute` are what the table shows."""

    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROMISES})
    counts: Counter[str] = field(default_factory=Counter)
    compute_s: Any = field(default_factory=Counter)  # seconds by kind: its type knows no fractions

    @property
    def kept(self) -> bool:
        return not any(self.broken.values())

    @property
    def extra_compute(self) -> float:
        """Share of the useful container time, beyond what reclaims and other faults of containers cost."""
        return float(self.compute_s["extra"] / max(1.0, self.compute_s["useful"]))


def examine(campaign: Campaign) -> Findings:
    """Look at everything."""
    found = Findings()
    for name, office in campaign.offices.items():
        _examine_office(office, campaign.uploads[name], found)
    _headquarters(campaign, found)
    return found


def _examine_office(office: Office, uploads: dict[str, list[Upload]], found: Findings) -> None:
    items = {pk: untyped(item) for pk, item in office.account.table.items.items()}
    dead = " ".join(
        message.body for message in (*office.intake.dead, *office.progress.dead) if message.reason
    )
    runs = {pk[4:]: item for pk, item in items.items() if pk.startswith("run#")}
    for key, versions in uploads.items():
        _examine_sample(office, key, versions, items, runs, dead, found)
    for run_id, run in runs.items():
        found.counts[f"runs {run['state']}"] += 1
        if run["state"] not in TERMINAL and run_id not in dead:
            found.broken["not terminal"].append(f"{office.name} {run_id} {run['state']}")
        _examine_results(office, run_id, run, found)
    found.broken["cohort behind"] += cohorts_behind(office, items, runs)
    found.broken["foreign writes"] += office.account.foreign
    if office.batch.peak > 50:
        found.broken["over the limit"].append(f"{office.name}: {office.batch.peak} within a second")
    found.counts["most submissions in a second"] = max(
        found.counts["most submissions in a second"], office.batch.peak
    )
    _count(office, found)
    _compute(office, uploads, runs, found)


def _examine_sample(
    office: Office,
    key: str,
    versions: list[Upload],
    items: dict[str, Any],
    runs: dict[str, Any],
    dead: str,
    found: Findings,
) -> None:
    folder = key.removesuffix("/input.tar")
    where = f"{office.name} {folder}"
    newest = versions[-1]
    sample = items.get(f"sample#{folder}")
    if sample is None:
        if newest.version_id not in dead:
            found.broken["lost"].append(f"{where}: no item")
        return
    run = runs.get(sample["run_id"])
    body_of = {each.version_id: each.body for each in versions}
    if sample["version_id"] != newest.version_id and newest.version_id not in dead:
        found.broken["lost"].append(
            f"{where}: {newest.version_id} has no run, {sample['version_id']} is held for the newest"
        )
    if run is None:
        found.broken["lost"].append(f"{where}: no run")
        return
    if run["state"] not in TERMINAL and sample["run_id"] not in dead:
        found.broken["lost"].append(f"{where}: its run is {run['state']}")
    if body_of[run["version_id"]] != newest.body and newest.version_id not in dead:
        found.broken["older as latest"].append(f"{where}: the ledger's run is of {run['version_id']}")
    status_versions = office.account.objects.get((office.account.office.results, f"{folder}/status.json"))
    status = json.loads(status_versions[-1].body) if status_versions else None
    if status is None:
        found.broken["status behind"].append(f"{where}: none")
    elif status["run_id"] != sample["run_id"] or status["revision"] != run["revision"]:
        found.broken["status behind"].append(f"{where}: {status['state']}, the ledger says {run['state']}")
        if body_of.get(status["upload"]["version_id"]) != newest.body:
            found.broken["older as latest"].append(
                f"{where}: status.json shows {status['upload']['version_id']}"
            )
    elif run["state"] == "succeeded" and not _published(office, run):
        found.broken["lost"].append(f"{where}: succeeded without whole results")


def _published(office: Office, run: dict[str, Any]) -> bool:
    held = office.account.objects.get(
        (office.account.office.results, f"{run['results_prefix']}manifest.json")
    )
    return held is not None and len(held) > 0 and _whole(office, run, held[-1])


def _whole(office: Office, run: dict[str, Any], manifest: Version, at: float = float("inf")) -> bool:
    """Whether every file that the manifest lists stood there at `at` (epoch seconds) as it lists it."""
    listed = json.loads(manifest.body)
    for each in listed["files"]:
        versions = office.account.objects.get(
            (office.account.office.results, run["results_prefix"] + each["path"]), []
        )
        held = [version for version in versions if version.modified <= at]
        if not held or hashlib.sha256(held[-1].body).hexdigest() != each["sha256"]:
            return False
    made_of = listed["members"]["sha256"] if run.get("members") else listed["upload"]["version_id"]
    return bool(made_of == run["version_id"])


def _examine_results(office: Office, run_id: str, run: dict[str, Any], found: Findings) -> None:
    results, prefix = office.account.office.results, run["results_prefix"]
    manifests = office.account.objects.get((results, f"{prefix}manifest.json"), [])
    found.counts["results published"] += bool(manifests)
    # A host that was cut off right before it put its manifest may put it later, over files that are its
    # successor's by now. That is no result (its checksums are wrong), and the successor replaces it.
    whole = {
        hashlib.sha256(each.body).hexdigest()
        for each in manifests
        if _whole(office, run, each, each.modified)
    }
    if len(whole) > 1:
        found.broken["published twice"].append(f"{office.name} {run_id}: {len(whole)} whole results")
    elif manifests and not _whole(office, run, manifests[-1]):
        found.broken["published twice"].append(f"{office.name} {run_id}: the manifest is of other files")
    if run["state"] == "succeeded" and (wrong := _passport_wrong(office, run_id, run)):
        found.broken["passport wrong"].append(f"{office.name} {run_id}: {wrong}")
    found.counts["manifests replaced, of files that had changed"] += len(manifests) - len(whole)
    superseded = run["times"].get("superseded")
    if superseded and manifests and iso(manifests[0].modified) > superseded:
        found.counts["published as it was superseded"] += 1


def _passport_wrong(office: Office, run_id: str, run: dict[str, Any]) -> str:
    """What is wrong with a result's passport: as a partner would find it, with the public key alone."""
    objects, results = office.account.objects, office.account.office.results
    held = objects.get((results, f"{run['results_prefix']}passport.json"), [])
    if len(held) != 1:
        return f"{len(held)} passports"
    read = Passport.read(held[0].body)
    if not read.signed_by(SIGNING_KEY.public_key()):
        return "its signature is wrong"
    manifest = objects[(results, f"{run['results_prefix']}manifest.json")][-1]
    if read.files.get("manifest.json") != hashlib.sha256(manifest.body).hexdigest():
        return "it is of another manifest"
    listed = {each["path"]: each["sha256"] for each in json.loads(manifest.body)["files"]}
    return "" if listed.items() <= read.files.items() and read.run_id == run_id else "it has other files"


def _count(office: Office, found: Findings) -> None:
    found.counts.update(office.counts)
    found.counts.update({f"jobs: {name}": count for name, count in office.batch.counts.items()})
    found.counts.update({f"requests {name}": count for name, count in office.account.fates.items()})
    found.counts["requests"] += sum(office.account.requests.values())
    found.counts.update({f"mended: {name}": count for name, count in office.mended.items()})
    for queue in (office.intake, office.progress):
        found.counts["in dead-letter queues"] += len(queue.dead)
        found.counts["in dead-letter queues without a reason"] += sum(not each.reason for each in queue.dead)
        found.counts["messages redelivered"] += queue.counts["redelivered"]


def _compute(office: Office, uploads: dict[str, list[Upload]], runs: dict[str, Any], found: Findings) -> None:
    """Where the containers' time went."""
    by_run: dict[str, list[Container]] = {}
    for container in office.batch.containers:
        by_run.setdefault(container.run_id, []).append(container)
    for run_id, containers in by_run.items():
        publisher = _publisher(office, runs[run_id])
        newer_at = _newer_at(uploads, runs[run_id])
        published_by_lost_host = any(
            each.job["jobId"] == publisher and each.fate in ("cut off", "paused") for each in containers
        )
        for container in containers:
            stopped = container.stopped or office.simulation.now
            seconds = stopped - container.started
            if container.job["jobId"] == publisher:
                kind = "useful"
            elif container.fate in FAULTS and container.ended in FAULTS.get(container.fate, ()):
                kind = "faults of hosts and containers" if container.fate not in RECLAIMS else "reclaims"
            elif container.attempt > 1 and published_by_lost_host:
                # Its host was given up for lost, and had the results all the same.
                kind = "reclaims"
            elif newer_at is not None and runs[run_id]["state"] == "superseded":
                # The branch replaced the upload while it was analysed: what had been done until then is
                # nobody's fault, what was done before the word of it had come is ours.
                before = max(0.0, min(stopped, newer_at) - container.started)
                found.compute_s["replaced uploads, until they were replaced"] += before
                seconds -= before
                found.compute_s["extra: replaced uploads, until that was known"] += seconds
                kind = "extra"
            else:
                found.compute_s["extra: containers that no result needed"] += seconds
                found.counts[f"containers that no result needed: {container.ended or 'alive'}"] += 1
                kind = "extra"
            found.compute_s[kind] += seconds
            found.counts["containers"] += 1


RECLAIMS = ("reclaimed", "cut off")
FAULTS = {
    "reclaimed": ("reclaimed",),
    "cut off": ("lost its lease", "ended well", "reclaimed", "stopped"),
    "out of memory": ("out of memory",),
    "bad input": ("refused",),
    "unknown failure": ("failed (1)",),
    "host failed": ("failed (74)",),
    "paused": ("lost its lease", "stopped"),
    "cannot inspect": ("ended well",),
}


def _publisher(office: Office, run: dict[str, Any]) -> str | None:
    held = office.account.objects.get((office.account.office.results, f"{run['results_prefix']}report.html"))
    return held[-1].body.decode().rpartition(" by ")[2] if held and run["state"] == "succeeded" else None


def _newer_at(uploads: dict[str, list[Upload]], run: dict[str, Any]) -> float | None:
    """When the branch put a version with other bytes after this run's; a cohort, when it was superseded."""
    if run.get("members"):
        superseded = run["times"].get("superseded")
        return epoch(superseded) if superseded else None
    versions = uploads[run["key"]]
    index = next(i for i, each in enumerate(versions) if each.version_id == run["version_id"])
    return next((each.at for each in versions[index + 1 :] if each.body != versions[index].body), None)


def _headquarters(campaign: Campaign, found: Findings) -> None:
    rows = campaign.headquarters.account.table.items
    found.counts["in dead-letter queues"] += len(campaign.headquarters.queue.dead)
    for name, office in campaign.offices.items():
        for pk, item in office.account.table.items.items():
            if pk.startswith("run#"):
                row = rows.get(f"office#{name} {pk}")
                behind = row is None or row["revision"]["N"] != item["revision"]["N"]
                found.counts["runs whose end headquarters does not know"] += behind


def untyped(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in item.items()}


def _value(typed: dict[str, Any]) -> Any:
    [(kind, held)] = typed.items()
    match kind:
        case "N":
            return float(held) if "." in held else int(held)
        case "L":
            return [_value(each) for each in held]
        case "M":
            return untyped(held)
        case "NULL":
            return None
    return held
