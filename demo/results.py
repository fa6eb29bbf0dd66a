"""Fetch a run's results and prove that they are whole: every file of the manifest, its size and SHA-256."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Incomplete(Exception):
    """The results are not what their manifest says."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A run's results on this machine."""

    folder: Path
    manifest: dict[str, Any]


def fetch(s3: Any, bucket: str, prefix: str, folder: Path) -> Fetched:
    """Downloads what the manifest at `prefix` lists into `folder` and checks each file.

    Raises:
        Incomplete: a file is missing, or its size or SHA-256 differs from the manifest's.
    """
    body = s3.get_object(Bucket=bucket, Key=f"{prefix}manifest.json")["Body"].read()
    manifest = json.loads(body)
    for entry in manifest["files"]:
        target = folder / entry["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, f"{prefix}{entry['path']}", str(target))
        content = target.read_bytes()
        if len(content) != entry["size"]:
            raise Incomplete(f"{entry['path']} has {len(content)} bytes, its manifest says {entry['size']}")
        if (digest := hashlib.sha256(content).hexdigest()) != entry["sha256"]:
            raise Incomplete(f"{entry['path']} has SHA-256 {digest}, its manifest says {entry['sha256']}")
    (folder / "manifest.json").write_bytes(body)  # as it is: its passport has its SHA-256
    return Fetched(folder=folder, manifest=manifest)
