"""Uploads as S3 tells of them: the notice, the object behind it, and whether two hold the same bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from handlers.context import Context, iso
from handlers.keys import Sample

# Proof of the same bytes by itself, given the same size. CRC-32 is not: one pair in four billion agrees by
# chance.
_STRONG = ("CRC64NVME", "SHA256")
_WEAK = ("CRC32", "CRC32C", "SHA1")
SEQUENCER_DIGITS = 64


@dataclass(frozen=True, kw_only=True)
class Notice:
    """S3's word that a version was created. Reconcile makes its own, which have no sequencer."""

    bucket: str
    key: str
    version_id: str
    sequencer: str | None = None
    uploaded: str | None = None  # ISO 8601


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One version of an `input.tar`. `content` is what is known of its bytes, as JSON with sorted keys."""

    sample: Sample
    bucket: str
    version_id: str
    sequencer: str | None
    size: int
    content: str
    uploaded: str  # ISO 8601


def notice_of(event: Mapping[str, Any]) -> Notice | None:
    """The notice in an EventBridge event "Object Created"; None for any other event."""
    if event.get("source") != "aws.s3" or event.get("detail-type") != "Object Created":
        return None
    detail = event["detail"]
    item = detail["object"]
    return Notice(
        bucket=detail["bucket"]["name"],
        key=item["key"],
        version_id=item.get("version-id") or "null",
        sequencer=padded(item.get("sequencer")),
        uploaded=event.get("time"),
    )


def padded(sequencer: str | None) -> str | None:
    """Of one length, so that text order is S3's order.

    S3's sequencers are hexadecimal and differ in length: the shorter is padded with zeros on its right.
    """
    return sequencer.upper().ljust(SEQUENCER_DIGITS, "0") if sequencer else None


def look_up(context: Context, notice: Notice, sample: Sample) -> Upload | None:
    """The version behind a notice; None if it is gone."""
    head = _head(context, notice)
    if head is None:
        return None
    return Upload(
        sample=sample,
        bucket=notice.bucket,
        version_id=notice.version_id,
        sequencer=notice.sequencer,
        size=head["ContentLength"],
        content=content_of(head),
        uploaded=iso(head["LastModified"].timestamp()),
    )


def is_there(context: Context, notice: Notice) -> bool:
    """Whether the version behind a notice is still there."""
    return _head(context, notice) is not None


def _head(context: Context, notice: Notice) -> Mapping[str, Any] | None:
    try:
        head: Mapping[str, Any] = context.clients.s3.head_object(
            Bucket=notice.bucket, Key=notice.key, VersionId=notice.version_id, ChecksumMode="ENABLED"
        )
    except ClientError as error:
        # 405: the version is a delete marker.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 405):
            return None
        raise
    return head


def current_version(context: Context, bucket: str, key: str) -> str | None:
    """The version id S3 holds to be the newest; None if the key is deleted."""
    try:
        head = context.clients.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return str(head.get("VersionId") or "null")


def content_of(head: Mapping[str, Any]) -> str:
    """What a HeadObject answer says of the object's bytes."""
    known: dict[str, Any] = {"size": head["ContentLength"], "etag": str(head["ETag"]).strip('"')}
    for algorithm in (*_STRONG, *_WEAK):
        value = head.get(f"Checksum{algorithm}")
        # A composite checksum (`…-12`) is a checksum of the parts' checksums, and depends on how they were
        # cut.
        if value and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT" and "-" not in value:
            known[algorithm] = value
    return json.dumps(known, sort_keys=True)


def same_content(one: str, other: str) -> bool:
    """Whether two contents are proven to be the same bytes.

    A strong checksum of the whole object decides either way. Without a common one, only equal ETags prove
    it: unequal ones may be the same bytes in other parts, and then running again is the safe side.
    """
    a, b = json.loads(one), json.loads(other)
    if a["size"] != b["size"]:
        return False
    strong = [algorithm for algorithm in _STRONG if algorithm in a and algorithm in b]
    if strong:
        return all(a[algorithm] == b[algorithm] for algorithm in strong)
    weak_differs = any(
        a[algorithm] != b[algorithm] for algorithm in _WEAK if algorithm in a and algorithm in b
    )
    return bool(a["etag"] == b["etag"] and not weak_differs)
