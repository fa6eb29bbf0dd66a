"""What a delivery is: who gets which files of a run, under which id, and what a failure calls for. Pure."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers.run import Run

PLANNED, COPYING, DELIVERED = "planned", "copying", "delivered"
ACKNOWLEDGED, REFUSED, SUPERSEDED = "acknowledged", "refused", "superseded"
CLOSED = (ACKNOWLEDGED, SUPERSEDED)

MANIFEST, RECEIPT, NOTICE = "delivery.json", "received.json", "superseded.json"

# What a delivery may name, by the ends of the files' names. Reads go only where they are named.
_ENDS: Mapping[str, tuple[str, ...]] = {
    "report": ("report.html",),
    "tables": (".tsv", ".csv", ".biom"),
    "reads": (".fastq", ".fastq.gz"),
}
NAMES = tuple(_ENDS)

# AWS: CopyObject takes objects of up to 5 GB.
LARGEST_COPY = 5 * 1024**3

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


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What a partner gets of a project's runs, and where. `account` owns `bucket`; `key` is its KMS key."""

    partner: str
    account: str
    bucket: str
    key: str
    prefix: str  # "" or ending in a slash
    pipeline: str
    project: str
    names: tuple[str, ...] = ("report", "tables")
    receipt: str = "object"  # "object": the partner's received.json; "heads": every object's verified head
    receipt_within_s: int = 7 * 86_400

    def covers(self, run: Run) -> bool:
        return (run.sample.pipeline, run.sample.project) == (self.pipeline, self.project)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery as the ledger holds it. `revision` grows by one with each change."""

    delivery_id: str
    partner: str
    run_id: str
    state: str
    revision: int
    updated: str
    reason: str = ""
    failure: str = ""
    manifest_sha256: str = ""
    delivered_s: int = 0  # epoch seconds

    def moved(self, state: str, now: str, **changes: Any) -> "Delivery":
        return replace(self, state=state, updated=now, revision=self.revision + 1, **changes)


def delivery_id_of(agreement: Agreement, run_id: str) -> str:
    """The same partner, run and names always give the same id."""
    told = json.dumps([agreement.partner, run_id, sorted(agreement.names)]).encode()
    return "d" + hashlib.sha256(told).hexdigest()[:32]


def chosen(files: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The files that these names mean, in the order of their paths; `Unfit` if there is none."""
    ends = tuple(end for name in names for end in _ENDS[name])
    found = sorted(
        (each for each in files if each["path"].endswith(ends)), key=lambda each: str(each["path"])
    )
    if not found:
        raise Unfit(f"the run has none of what the delivery names ({', '.join(names)})")
    for each in found:
        if each["size"] > LARGEST_COPY:
            raise Unfit(f"{each['path']} has {each['size']} bytes, more than the 5 GB that one copy takes")
    return found


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


def checksum(sha256_hex: str) -> str:
    """A SHA-256 as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


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
