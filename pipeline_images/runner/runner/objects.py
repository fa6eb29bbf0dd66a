"""Objects of a bucket become files below a folder, fetched in parallel and hashed while they are written."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.folders import create_file, prepare
from runner.source import S3Source
from runner.stop import Stop
from runner.transfer import Transfers

_NOTHING = hashlib.sha256().hexdigest()


@dataclass(frozen=True, kw_only=True)
class BucketObject:
    """An object, and the path of its file below the folder."""

    path: tuple[str, ...]
    source: S3Source

    @property
    def name(self) -> str:
        return "/".join(self.path)


def download(objects: Sequence[BucketObject], folder: Path, stop: Stop) -> dict[str, str]:
    """Write every object below the empty or absent folder; returns the SHA-256 of each, by name."""
    digests: dict[str, str] = {}
    root = prepare(folder)
    try:
        with Transfers(stop) as transfers:
            for item in objects:
                fd = create_file(root, item.path)
                if not item.source.size:
                    os.close(fd)
                    digests[item.name] = _NOTHING
                    continue
                transfers.fetch(
                    item.source,
                    0,
                    item.source.size,
                    fd,
                    hashlib.sha256(),
                    partial(digests.__setitem__, item.name),
                )
            transfers.wait()
    finally:
        os.close(root)
    return digests
