"""What partners must have at the end, counted from their buckets as they are then.

Who is owed what is read off the ledger's succeeded runs and the order of the uploads; what a partner has, off
every version of every object in its bucket. The code that delivers is not asked.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaign.delivering import Deliveries
from campaign.partner import ACCEPTED, MANIFEST, NOTICE, OBJECT, RECEIPT, Partner
from campaign.promises import untyped
from campaign.story import Campaign
from tests.handlers.aws_fakes import Version

PROMISES = {
    "lost": "deliveries owed that the partner does not have whole",
    "twice": "deliveries told of twice, or two of one sample that both count",
    "partial": "manifests whose files were not there, as listed, at every moment since",
    "not agreed": "objects that nobody agreed to, and requests to a bucket that changed hands",
    "reopened": "changes of a delivery written over another's, or after it was closed",
    "ledger untrue": "deliveries that are otherwise than the ledger says",
    "unalarmed": "refusals and silences of partners that no metric has counted",
}
Folder = dict[str, list[Version]]  # the versions of each file of a delivery


@dataclass(kw_only=True)
class Findings:
    """`broken` by promise: what broke it."""

    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROMISES})
    counts: Counter[str] = field(default_factory=Counter)


def examine(campaign: Campaign, deliveries: Deliveries) -> Findings:
    """Look at everything that the partners of an office have, and at its ledger."""
    found = Findings()
    items = {pk: untyped(item) for pk, item in deliveries.office.account.table.items.items()}
    runs = {pk[4:]: item for pk, item in items.items() if pk.startswith("run#")}
    told = {pk[9:]: item for pk, item in items.items() if pk.startswith("delivery#")}
    order = _order(campaign.uploads[deliveries.office.name])
    for partner in deliveries.partners:
        folders = _folders(partner, found)
        _agreed(partner, folders, runs, found)
        _owed(partner, folders, runs, order, found)
        for name, folder in folders.items():
            _whole_since(f"{partner.bucket} {name}", _with_linked(partner, folder), found)
        found.broken["not agreed"] += [f"{partner.bucket}: a stranger got {what}" for what in partner.leaked]
        _ledger(partner, folders, told, found)
        _pointers(partner, folders, items, found)
        found.counts.update({f"requests refused: {code}": n for code, n in partner.refused.items()})
        found.counts.update(
            {f"partner {answer}": n for answer, n in Counter(partner.answers.values()).items()}
        )
    found.broken["reopened"] += deliveries.wrong_moves
    for name, states in deliveries.moves.items():
        if states.count("delivered") > 1:
            found.broken["twice"].append(f"{name}: {' → '.join(states)}")
    _count(deliveries, told, found)
    return found


def _order(uploads: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """The place of each version among its sample's."""
    return {
        (key, each.version_id): place
        for key, versions in uploads.items()
        for place, each in enumerate(versions)
    }


def _folders(partner: Partner, found: Findings) -> dict[str, Folder]:
    """The partner's bucket by delivery; whatever is beside its folders is broken."""
    folders: dict[str, Folder] = {}
    for (bucket, key), versions in partner.account.objects.items():
        if bucket != partner.bucket:
            continue
        if not key.startswith(partner.agreement.prefix):
            found.broken["not agreed"].append(f"{bucket}/{key}")
            continue
        delivery, _, name = key.removeprefix(partner.agreement.prefix).partition("/")
        folders.setdefault(delivery, {})[name] = versions
    return folders


def _manifest(folder: Folder) -> dict[str, Any] | None:
    versions = folder.get(MANIFEST)
    return json.loads(versions[-1].body) if versions else None


def _agreed(
    partner: Partner, folders: Mapping[str, Folder], runs: Mapping[str, Any], found: Findings
) -> None:
    """Only projects that are agreed on, only the files that are named."""
    named = {"report.html", MANIFEST, NOTICE, RECEIPT}
    if partner.agreement.links:
        named.discard("report.html")  # nothing is copied
    elif set(partner.agreement.names) != {"report"}:
        named.add("abundance/species.tsv")
    for name, folder in folders.items():
        found.broken["not agreed"] += [f"{partner.bucket} {name}/{file}" for file in folder.keys() - named]
        manifest = _manifest(folder)
        run = runs.get(manifest["run_id"]) if manifest else None
        if manifest and not (run and run["project"] in partner.projects and run["state"] == "succeeded"):
            found.broken["not agreed"].append(f"{partner.bucket} {name}: of run {manifest['run_id']}")


def _owed(
    partner: Partner,
    folders: Mapping[str, Folder],
    runs: Mapping[str, Any],
    order: Mapping[tuple[str, str], int],
    found: Findings,
) -> None:
    """Of each sample the newest succeeded run's results count, whole, and no others."""
    by_run: dict[str, list[str]] = {}
    for name, folder in folders.items():
        if manifest := _manifest(folder):
            by_run.setdefault(manifest["run_id"], []).append(name)
    of_sample: dict[str, list[str]] = {}
    for run_id, run in runs.items():
        if run["state"] == "succeeded" and run["project"] in partner.projects:
            of_sample.setdefault(run["key"], []).append(run_id)
    for key, succeeded in of_sample.items():
        succeeded.sort(key=lambda run_id: order[key, runs[run_id]["version_id"]])
        counting = [
            name for run_id in succeeded for name in by_run.get(run_id, []) if NOTICE not in folders[name]
        ]
        found.counts["deliveries owed"] += 1
        newest = by_run.get(succeeded[-1], [])
        if not newest or newest[0] not in counting:
            found.broken["lost"].append(f"{partner.bucket}: {key}, run {succeeded[-1]}")
        if len(counting) > 1 or len(newest) > 1:
            found.broken["twice"].append(f"{partner.bucket}: {key} has {len(counting)} that count")


def _with_linked(partner: Partner, folder: Folder) -> Folder:
    """With the files that links lead to, from where the run has put them."""
    manifest = _manifest(folder)
    if not partner.agreement.links or manifest is None:
        return folder
    run = "/".join(manifest[part] for part in ("pipeline", "project", "sample", "run_id"))
    results, objects = partner.account.office.results, partner.account.objects
    listed = [each["path"] for each in manifest["files"]]
    return {**folder, **{path: objects.get((results, f"{run}/{path}"), []) for path in listed}}


def _whole_since(where: str, folder: Folder, found: Findings) -> None:
    """A manifest is written once; what it lists is there from then on, and never other bytes."""
    manifests = folder.get(MANIFEST, [])
    if not manifests:
        found.counts["deliveries begun, and superseded before they were whole"] += 1
        return
    found.counts["deliveries"] += 1
    if len(manifests) > 1:
        found.broken["twice"].append(f"{where}: {len(manifests)} manifests")
    since = manifests[0].modified
    for each in json.loads(manifests[0].body)["files"]:
        versions = folder.get(each["path"], [])
        before = [version for version in versions if version.modified <= since]
        after = [version for version in versions if version.modified > since]
        shown = before[-1:] + after
        if not before or any(_other_bytes(version, each) for version in shown):
            found.broken["partial"].append(f"{where}/{each['path']}")
        found.counts["files copied again"] += len(versions) - 1
        found.counts["files copied again after the manifest, the same bytes"] += len(after)


def _other_bytes(version: Version, listed: Mapping[str, Any]) -> bool:
    digest = hashlib.sha256(version.body)
    checksum = base64.b64encode(digest.digest()).decode()
    return digest.hexdigest() != listed["sha256"] or version.checksums.get("SHA256") != checksum


def _ledger(
    partner: Partner, folders: Mapping[str, Folder], told: Mapping[str, Any], found: Findings
) -> None:
    for name, item in told.items():
        if item["partner"] == partner.agreement.partner:
            wrong = list(_untrue(partner, folders.get(name, {}), item))
            found.broken["ledger untrue"] += [f"{partner.bucket} {name}: {each}" for each in wrong]


def _untrue(partner: Partner, folder: Folder, item: Mapping[str, Any]) -> Iterator[str]:
    state, answer = item["state"], partner.answers.get(item["delivery_id"])
    manifests = folder.get(MANIFEST, [])
    if state in ("planned", "copying") or (state == "refused" and item["failure"] != "partner"):
        yield f"it is {state} for ever: {item['reason']}"
    if state in ("delivered", "acknowledged") and not manifests:
        yield f"it is {state} without a manifest"
    digests = {hashlib.sha256(each.body).hexdigest() for each in manifests}
    if digests and item["manifest_sha256"] and item["manifest_sha256"] not in digests:
        yield "its manifest is another"
    if (state == "superseded") != (NOTICE in folder):
        yield f"it is {state}, {'with' if NOTICE in folder else 'without'} a notice"
    if partner.agreement.receipt == OBJECT and state == "acknowledged" and answer != ACCEPTED:
        yield f"it is acknowledged, but the partner has {answer or 'not answered'}"
    if partner.agreement.receipt == OBJECT and state == "refused" and answer == ACCEPTED:
        yield "it is refused, but the partner has accepted it"


def _pointers(
    partner: Partner, folders: Mapping[str, Folder], items: Mapping[str, Any], found: Findings
) -> None:
    """A sample's pointer is at the delivery that counts: whatever replaces it is compared with that."""
    for name, folder in folders.items():
        manifest = _manifest(folder)
        if manifest is None or NOTICE in folder:
            continue
        place = "/".join(manifest[part] for part in ("pipeline", "project", "sample"))
        pointer = items.get(f"delivered#{partner.agreement.partner}/{place}", {}).get("delivery_id")
        if pointer != name:
            found.broken["ledger untrue"].append(f"{partner.bucket}: {place} is at {pointer}, not {name}")


def _count(deliveries: Deliveries, told: Mapping[str, Any], found: Findings) -> None:
    found.counts.update(
        {f"ledger: {state}": n for state, n in Counter(i["state"] for i in told.values()).items()}
    )
    found.counts.update({f"refusal written down: {name}": n for name, n in deliveries.failures.items()})
    found.counts.update({f"alarm counted: {name}": n for name, n in deliveries.counted.items()})
    found.counts["delivery messages in the dead-letter queue"] += len(deliveries.queue.dead)
    found.counts["delivery messages redelivered"] += deliveries.queue.counts["redelivered"]
    waiting = {
        "ReceiptsLate": found.counts["ledger: delivered"],
        "ReceiptsRefused": found.counts["ledger: refused"],
        "LinksDue": found.counts["partner silent"],
    }
    for metric, count in waiting.items():
        if count and not deliveries.counted[metric]:
            found.broken["unalarmed"].append(f"{count} wait, {metric} was never counted")
