"""What a delivery is: who gets which files of a run, under which id, and what a failure calls for. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.agreement import WORDS, Agreement, means
from handlers.keys import Sample
from handlers.run import Run

PLANNED, COPYING, DELIVERED = "planned", "copying", "delivered"
ACKNOWLEDGED, REFUSED, SUPERSEDED = "acknowledged", "refused", "superseded"
# Of a sample that was erased: the partner is still to be told, and has been.
ERASING, ERASED = "erasing", "erased"
CLOSED = (ACKNOWLEDGED, SUPERSEDED, ERASED)

MANIFEST, RECEIPT, NOTICE, ERASURE = "delivery.json", "received.json", "superseded.json", "erased.json"

# AWS: CopyObject takes objects of up to 5 GB.
LARGEST_COPY = 5 * 1024**3

# The function's time-out is 300 s: what nobody has changed for longer, nobody is at work on.
GRACE_S = 600.0
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 300.0, 6 * 3600.0

# Classes of failure. Those that pass by themselves go back to the queue; the others wait for a person, and
# are tried again by the schedule.
THROTTLING, ACCESS, BUCKET, KMS, CONTENT, PARTNER, UNKNOWN = (
    *("throttling", "access denied", "bucket missing", "key denied", "content", "partner", "unknown"),
)
_BY_CODE = {
    "NoSuchBucket": BUCKET,
    "AccessDenied": ACCESS,
    "403": ACCESS,  # the answer to a HEAD has no body, so no code
    "AllAccessDisabled": ACCESS,
    "KMS.DisabledException": KMS,
    "KMS.NotFoundException": KMS,
    "KMS.AccessDeniedException": KMS,
    "KMS.KMSInvalidStateException": KMS,
}
_PASSING = ("SlowDown", "RequestTimeout", "ConditionalRequestConflict", "OperationAborted", "Throttling")


class Unfit(Exception):
    """The results cannot be delivered as they are; says why in words."""


class OwnSide(Exception):
    """A call failed on the office's own side: no fault of the partner, so no refusal."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery as the ledger holds it. `revision` grows by one with each change."""

    delivery_id: str
    partner: str
    run_id: str
    sample: str  # <pipeline>/<project>/<sample>
    state: str
    revision: int
    updated: str
    reason: str = ""
    failure: str = ""
    manifest_sha256: str = ""
    delivered_s: int = 0  # epoch seconds
    tries: int = 0  # refusals so far

    @property
    def place(self) -> Sample:
        pipeline, project, sample = self.sample.split("/")
        return Sample(pipeline=pipeline, project=project, sample=sample)

    def moved(self, state: str, now: str, **changes: Any) -> "Delivery":
        return replace(self, state=state, updated=now, revision=self.revision + 1, **changes)


def planned(agreement: Agreement, run_id: str, sample: Sample, now: str) -> Delivery:
    """A delivery at its beginning."""
    return Delivery(
        delivery_id=delivery_id_of(agreement, run_id),
        partner=agreement.partner,
        run_id=run_id,
        sample=sample.folder.rstrip("/"),
        state=PLANNED,
        revision=1,
        updated=now,
    )


def due(delivery: Delivery, quiet_s: float) -> bool:
    """Whether the schedule shall take up a delivery that nobody has changed for `quiet_s` seconds."""
    if delivery.state == REFUSED:
        return delivery.failure != PARTNER and quiet_s >= backoff_s(delivery.tries)
    return delivery.state in (PLANNED, COPYING) and quiet_s >= GRACE_S


def backoff_s(tries: int) -> float:
    """Seconds from the latest refusal to the next try: 5 minutes, doubled each time, 6 hours at most."""
    return min(FIRST_BACKOFF_S * 2.0 ** min(tries - 1, 16), LONGEST_BACKOFF_S)


def delivery_id_of(agreement: Agreement, run_id: str) -> str:
    """The same partner, run and names always give the same id."""
    told = json.dumps([agreement.partner, run_id, sorted(agreement.names)]).encode()
    return "d" + hashlib.sha256(told).hexdigest()[:32]


def chosen(
    files: Sequence[Mapping[str, Any]], names: Sequence[str], largest: int | None = LARGEST_COPY
) -> list[Mapping[str, Any]]:
    """The files that these names mean, in the order of their paths.

    `Unfit` if there is none, if a path or glob means none, or if one is too large. Of words a run may lack
    some: not every pipeline makes tables.
    """
    for name in names:
        if name not in WORDS and not any(means(name, each["path"]) for each in files):
            raise Unfit(f"the run has no {name}")
    found = [each for each in files if any(means(name, each["path"]) for name in names)]
    if not found:
        raise Unfit(f"the run has none of what the delivery names ({', '.join(names)})")
    for each in found:
        if largest is not None and each["size"] > largest and not each.get("parts"):
            raise Unfit(f"{each['path']} has {each['size']} bytes, more than the 5 GB that one copy takes")
    return sorted(found, key=lambda each: str(each["path"]))


def later(run: Run, other: Run) -> bool:
    """Whether `run` is of a later upload than `other`, or a later analysis of the same one."""

    def order(each: Run) -> tuple[str, str, str]:
        return each.uploaded, min(each.times.values(), default=""), each.run_id

    return order(run) > order(other)


def manifest_of(run: Run, delivery_id: str, partner: str, files: Sequence[Mapping[str, Any]]) -> bytes:
    """The delivery's manifest: the same bytes each time, so that a second writer finds its own."""
    told = {
        "schema": 1,
        "delivery": delivery_id,
        "partner": partner,
        "run_id": run.run_id,
        "pipeline": run.sample.pipeline,
        "project": run.sample.project,
        "sample": run.sample.sample,
        "release_digest": run.release_digest,
        "pipeline_version": run.pipeline_version,
        "files": [{name: each[name] for name in ("path", "size", "sha256")} for each in files],
    }
    return (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def class_of(error: Exception) -> str:
    """The class of a failed call to the partner's bucket."""
    if isinstance(error, Unfit):
        return CONTENT
    if not isinstance(error, ClientError):
        return THROTTLING if isinstance(error, BotoCoreError) else UNKNOWN  # no answer: it may have been done
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500 or status == 429 or code.startswith(_PASSING):
        return THROTTLING
    found = _BY_CODE.get(code, UNKNOWN)
    # S3 says AccessDenied for the key, too; only the message names the KMS action.
    return KMS if found == ACCESS and "kms:" in str(error) else found


def accepted(body: bytes, delivery: Delivery) -> tuple[bool, str]:
    """Whether a partner's receipt accepts this delivery, and the partner's words if it does not."""
    try:
        told = json.loads(body)
        named, digest, answer = told["delivery"], told["manifest_sha256"], told["accepted"]
    except (ValueError, KeyError, TypeError) as error:
        return False, f"the receipt cannot be read: {error!r}"
    if (named, digest) != (delivery.delivery_id, delivery.manifest_sha256):
        return False, "the receipt is of another delivery or manifest"
    return (True, "") if answer is True else (False, str(told.get("reason") or "no reason given")[:500])
