"""What S3's server access log would tell of reading: a line of JSON for each object that was sent.

TWIN_OBJECT_READS names the file; without it nothing is written. The server counts what it sent, whatever a
client says that it asked for.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.services import s3  # type: ignore[import-untyped]

VARIABLE = "TWIN_OBJECT_READS"


def install() -> None:
    """After all that answers for objects in ministack's place."""
    if os.environ.get(VARIABLE):
        s3._get_object = _counted(s3._get_object, Path(os.environ[VARIABLE]))


def _counted(get: Any, told: Path) -> Any:
    def get_object(
        bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None
    ) -> Any:
        status, answered, body = get(bucket, key, headers, query)
        if status in (200, 206):
            line = {"bucket": bucket, "key": key, "sent": _length(answered, body)}
            with told.open("a") as out:  # one write: lines of two threads never mix
                out.write(json.dumps(line) + "\n")
        return status, answered, body

    return get_object


def _length(answered: Mapping[str, str], body: bytes) -> int:
    return int(answered.get("Content-Length") or len(body))


def sent(told: Path, bucket: str) -> list[int]:
    """The bytes of each answer that held an object of the bucket, or a part of one."""
    lines = map(json.loads, told.read_text().splitlines()) if told.exists() else ()
    return [line["sent"] for line in lines if line["bucket"] == bucket]
