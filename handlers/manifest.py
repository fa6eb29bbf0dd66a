"""The manifest is the truth of a run's results: written last, and only if absent.

Exit 0 without a right manifest is a failure (a job that reports success over an empty folder); a right
manifest behind a failed job is a success (ECS sometimes loses sight of a container that had finished).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from handlers.context import Context
from handlers.run import Run

MANIFEST, REPORT = "manifest.json", "report.html"
SHARED = "abundance/"  # what a cohort takes of a run, beside its manifest


@dataclass(frozen=True, kw_only=True)
class Published:
    """A right manifest: by which attempt, the report's path below the results' prefix if there is one, and
    what the runner counted: bytes of results, requests by operation, the most memory it saw in use.

    `shared`: how many bytes of it a cohort takes, 0 if it has nothing for one.
    """

    attempt: int
    report: str | None
    used: Mapping[str, int] = field(default_factory=dict)
    peak_mib: int | None = None
    shared: int = 0


@dataclass(frozen=True, kw_only=True)
class Missing:
    """No right manifest, and why."""

    reason: str


def faults(manifest: Mapping[str, Any], run: Run, sizes: Mapping[str, int]) -> list[str]:
    """What is wrong with a manifest of `run`, given the sizes of the objects below the results' prefix."""
    expected = {
        "schema": 1,
        "run_id": run.run_id,
        "release_digest": run.release_digest,
    }
    wrong = [
        f"its {name} is {manifest.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if manifest.get(name) != value
    ]
    if run.members:
        if (manifest.get("members") or {}).get("sha256") != run.version_id:
            wrong.append("it is of other members")
    elif (manifest.get("upload") or {}).get("version_id") != run.version_id:
        wrong.append("it is of another version of the upload")
    files = manifest.get("files") or []
    if not files:
        wrong.append("it lists no file")
    for each in files:
        if sizes.get(each["path"]) != each["size"]:
            wrong.append(f"{each['path']} has {sizes.get(each['path'], 'no')} bytes, not {each['size']}")
    return wrong


def look_for(context: Context, run: Run) -> Published | Missing:
    """The run's manifest, checked against the objects that are there."""
    body = read_manifest(context, run.results_prefix)
    if body is None:
        return Missing(reason="the results have no manifest")
    try:
        manifest = json.loads(body)
        wrong = faults(manifest, run, _sizes(context, run.results_prefix))
        if wrong:
            return Missing(reason=f"the manifest is wrong: {'; '.join(wrong[:3])}")
        paths = {each["path"] for each in manifest["files"]}
        tables = sum(each["size"] for each in manifest["files"] if each["path"].startswith(SHARED))
        return Published(
            attempt=int(manifest["attempt"]),
            report=REPORT if REPORT in paths else None,
            used=_used(manifest),
            peak_mib=(manifest.get("resources") or {}).get("max_rss_mib"),
            shared=tables + len(body) if tables else 0,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Missing(reason=f"the manifest cannot be read: {error!r}")


def _used(manifest: Mapping[str, Any]) -> dict[str, int]:
    """An older runner counted no requests."""
    requests = (manifest.get("resources") or {}).get("requests") or {}
    counted = {name: int(count) for name, count in requests.items()}
    return {"output_bytes": sum(int(each["size"]) for each in manifest["files"]), **counted}


def read_manifest(context: Context, prefix: str) -> bytes | None:
    """The bytes of the manifest below a prefix of the results; None if there is none."""
    try:
        answer = context.clients.s3.get_object(Bucket=context.office.results, Key=f"{prefix}{MANIFEST}")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    body: bytes = answer["Body"].read()
    return body


def checksum(sha256_hex: str) -> str:
    """A SHA-256 as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def s3_checksum(file: Mapping[str, Any]) -> str:
    """What S3 has as the SHA-256 of a file that a manifest lists: of one put in parts, that of its parts."""
    parts = file.get("parts")
    return str(parts["checksum"]) if parts else checksum(file["sha256"])


def _sizes(context: Context, prefix: str) -> dict[str, int]:
    pages = context.clients.s3.get_paginator("list_objects_v2").paginate(
        Bucket=context.office.results, Prefix=prefix
    )
    return {
        item["Key"].removeprefix(prefix): item["Size"] for page in pages for item in page.get("Contents", [])
    }
