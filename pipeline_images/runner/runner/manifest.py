"""The manifest: the last object of a result, and the proof that it is whole."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.environment import Job
from runner.host import Host
from runner.usage import Usage

SCHEMA = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A file that was put in parts of so many bytes, and the checksum of checksums that S3 then has of it."""

    bytes: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class ResultFile:
    """A published file; `path` is relative to the run's prefix, `size` in bytes, `sha256` in hex."""

    path: str
    size: int
    sha256: str
    parts: Parts | None = None

    @property
    def checksum(self) -> str:
        """The SHA-256 that S3 has of it."""
        return self.parts.checksum if self.parts else base64.b64encode(bytes.fromhex(self.sha256)).decode()

    def told(self) -> dict[str, Any]:
        """As the manifest lists it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def manifest(
    job: Job,
    *,
    files: Sequence[ResultFile],
    input_bytes: int,
    tools: Mapping[str, str],
    resources: Mapping[str, Any],
    host: Host | None,
    started: float,
    published: float,
) -> dict[str, Any]:
    """The manifest of one attempt's result; `started` and `published` in epoch seconds."""
    return {
        "schema": SCHEMA,
        "run_id": job.run_id,
        "attempt": job.attempt,
        "office": job.office,
        "pipeline": job.pipeline,
        "pipeline_version": job.pipeline_version,
        "release_digest": job.release_digest,
        "project": job.project,
        "sample": job.sample,
        "upload": asdict(job.upload) | {"size": input_bytes} if job.upload else None,
        "members": asdict(job.members) if job.members else None,
        "after": asdict(job.after) if job.after else None,
        "references": {r.role: {"name": r.name, "version": r.version} for r in job.references},
        "files": [file.told() for file in files],
        "tools": dict(tools),
        "resources": dict(resources),
        # What made the cost; which of an office's instances it was is not for who gets the result.
        "instance": {"type": host.type, "market": host.market} if host else None,
        "started": _iso(started),
        "published": _iso(published),
    }


def resources(
    usage: Usage,
    *,
    input_bytes: int,
    output_bytes: int,
    requests: Mapping[str, int],
    left: Mapping[str, Any],
) -> dict[str, Any]:
    """What was used; what the pipeline left in resources.json is added, what we measured ourselves stands.

    `requests`: sent to AWS until now; those that put the manifest come on top.
    """
    measured = {"input_bytes": input_bytes, "output_bytes": output_bytes, "requests": dict(requests)}
    return dict(left) | asdict(usage) | measured


def left_by_pipeline(meta: Path, name: str) -> dict[str, Any]:
    """An object the pipeline may have left in its meta folder; what cannot be read counts as not left."""
    try:
        found = json.loads((meta / name).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def files_of(published: Mapping[str, Any]) -> list[ResultFile]:
    """The files a manifest lists; raises KeyError or TypeError when it is none of ours."""
    return [
        ResultFile(
            path=f["path"],
            size=f["size"],
            sha256=f["sha256"],
            parts=Parts(**f["parts"]) if f.get("parts") else None,
        )
        for f in published["files"]
    ]


def _iso(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
