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
# What the runner and the pipeline measured, by its name in `Run.used`: pairs or single reads that went in,
# the most that lay on the scratch disk, processor seconds.
MEASURED = {"fragments": "fragments", "disk_mib": "max_disk_mib", "cpu_s": "cpu_s"}
SHARED = "abundance/"  # what a cohort takes of a run, beside its manifest


@dataclass(frozen=True, kw_only=True)
class Published:
    """A right manifest: by which attempt, the report's path below the results' prefix if there is one, and
    what the runner counted: bytes of results, requests by operation, `MEASURED`, the most memory it saw in
    use.

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
            peak_mib=_peak_mib(manifest.get("resources") or {}),
            shared=tables + len(body) if tables else 0,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Missing(reason=f"the manifest cannot be read: {error!r}")


def _used(manifest: Mapping[str, Any]) -> dict[str, int]:
    """An older runner counted no requests, and measured less."""
    resources = manifest.get("resources") or {}
    counted = {name: int(count) for name, count in (resources.get("requests") or {}).items()}
    measured = {name: int(resources[key]) for name, key in MEASURED.items() if resources.get(key) is not None}
    return {"output_bytes": sum(int(each["size"]) for each in manifest["files"]), **measured, **counted}


def _peak_mib(resources: Mapping[str, Any]) -> int | None:
    """Without the pages that files back: what a mapped database holds the kernel takes back when it must.

    An older runner did not tell them apart.
    """
    told: int | None = resources.get("max_anonymous_mib") or resources.get("max_rss_mib")
    return told


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
