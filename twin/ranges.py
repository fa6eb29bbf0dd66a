"""S3 answers a Range of any version, and reads no more of the object than that; ministack ignores the Range
of a request that names a version, and reads the whole object for every part of it.
"""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.services import s3  # type: ignore[import-untyped]

_get = s3._get_object
_read = s3._read_body
_read_version = s3._version_body


@dataclass(kw_only=True)
class Part:
    """What a request asks for, and, once the body has been looked for, what was found of it."""

    asked: str
    whole: int | None = None  # bytes of the object
    span: tuple[int, int] | None = None  # first and last byte; None: not within the object

    def find(self, whole: int) -> tuple[int, int]:
        """Where to begin and how many bytes to read."""
        self.whole, self.span = whole, s3._parse_range(self.asked, whole)
        return (self.span[0], self.span[1] - self.span[0] + 1) if self.span else (0, 0)


_part: ContextVar[Part | None] = ContextVar("the part that this request asks for", default=None)


def of_bytes(part: Part, body: bytes) -> bytes:
    start, count = part.find(len(body))
    return body[start : start + count]


def of_file(part: Part, path: Path) -> bytes:
    with path.open("rb") as file:
        start, count = part.find(os.fstat(file.fileno()).st_size)
        file.seek(start)
        return file.read(count)


def read_body(bucket_name: str, key: str, record: Mapping[str, Any]) -> Any:
    part = _part.get()
    if part is None:
        return _read(bucket_name, key, record)
    if (body := record.get("body")) is not None:
        return of_bytes(part, body)
    return of_file(part, Path(s3._object_disk_path(bucket_name, key)))


def version_body(bucket: Mapping[str, Any], bucket_name: str, key: str, version: Mapping[str, Any]) -> Any:
    part = _part.get()
    if part is not None:
        if (body := version.get("data")) is not None:
            return of_bytes(part, body)
        if s3._version_file_exists(bucket_name, key, version["version_id"]):
            return of_file(part, Path(s3._version_disk_path(bucket_name, key, version["version_id"])))
    return _read_version(bucket, bucket_name, key, version)


def get_object(
    bucket_name: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None
) -> Any:
    # A Range that is none is ignored, as HTTP has it; a part number is ministack's own to answer.
    if not s3.re.match(r"bytes=(\d+-\d*|-\d+)$", headers.get("range", "")) or "partNumber" in (query or {}):
        return _get(bucket_name, key, headers, query)
    part = Part(asked=headers["range"])
    # S3 gives a checksum of the whole with the whole only.
    rest = {k: v for k, v in headers.items() if k not in ("range", "x-amz-checksum-mode")}
    token = _part.set(part)
    try:
        status, answered, body = _get(bucket_name, key, rest, query)
    finally:
        _part.reset(token)
    if status != 200 or part.whole is None:
        return status, answered, body
    if part.span is None:
        refused = {"Content-Type": "application/xml", "Content-Range": f"bytes */{part.whole}"}
        return 416, refused, s3._xml_body(s3._range_error_xml(bucket_name, key))
    first, last = part.span
    answered |= {"Content-Length": str(len(body)), "Content-Range": f"bytes {first}-{last}/{part.whole}"}
    return 206, answered, body


def install() -> None:
    s3._read_body = read_body
    s3._version_body = version_body
    s3._get_object = get_object
