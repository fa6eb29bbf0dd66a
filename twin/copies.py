"""S3's copies from one account's bucket into another's, whole or of a part, and the checksum of each.

ministack looks for source and destination in one account, and leaves the checksums out. Whether the caller
may read the one and write the other has been decided before.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import get_account_id  # type: ignore[import-untyped]
from ministack.services import s3  # type: ignore[import-untyped]

_source: ContextVar[tuple[str, str] | None] = ContextVar("the source's bucket and account", default=None)
_copy = s3._copy_object
_copy_part = s3._upload_part_copy
_ensure = s3._ensure_bucket


def copy_object(bucket: str, key: str, headers: dict[str, str]) -> Any:
    asked = {"x-amz-sdk-checksum-algorithm": headers.get("x-amz-checksum-algorithm", "")}
    with _reaching_the_source(headers):
        status, reply, body = _copy(bucket, key, {**headers, **{k: v for k, v in asked.items() if v}})
    if status == 200:
        checksums = s3._buckets[bucket]["objects"][key].get("checksums") or {}
        body = _with_checksums(body, checksums, b"</CopyObjectResult>")
    return status, reply, body


def copy_part(bucket: str, key: str, query: dict[str, Any], headers: dict[str, str]) -> Any:
    with _reaching_the_source(headers):
        status, reply, body = _copy_part(bucket, key, query, headers)
    if status == 200:
        upload = s3._multipart_uploads[s3._qp(query, "uploadId")]
        part = upload["parts"][int(s3._qp(query, "partNumber"))]
        algorithm = upload.get("checksum_algorithm")
        part["checksums"] = {algorithm: s3._compute_s3_checksum(algorithm, part["body"])} if algorithm else {}
        body = _with_checksums(body, part["checksums"], b"</CopyPartResult>")
    return status, reply, body


@contextmanager
def _reaching_the_source(headers: dict[str, str]) -> Iterator[None]:
    """The bucket to copy from is found in the account that it is in."""
    name = unquote(headers.get("x-amz-copy-source", "").lstrip("/").partition("?")[0]).partition("/")[0]
    owner = s3._bucket_owner_account(name)
    token = _source.set((name, owner) if owner not in (None, get_account_id()) else None)
    try:
        yield
    finally:
        _source.reset(token)


def _with_checksums(body: bytes, checksums: dict[str, str], end: bytes) -> bytes:
    told = "".join(
        f"<Checksum{name.upper()}>{value}</Checksum{name.upper()}>" for name, value in checksums.items()
    )
    return body.replace(end, told.encode() + end)


def ensure_bucket(name: str) -> Any:
    source = _source.get()
    if source and source[0] == name:
        return s3._buckets.get_scoped(source[1], None, name)
    return _ensure(name)


def reading(read: Callable[[str, str, dict[str, Any]], Any]) -> Callable[[str, str, dict[str, Any]], Any]:
    """`read`, which reads the source where it is."""

    def read_body(bucket: str, key: str, record: dict[str, Any]) -> Any:
        source = _source.get()
        if source and source[0] == bucket:
            with s3._in_account(source[1]):
                return read(bucket, key, record)
        return read(bucket, key, record)

    return read_body


def install() -> None:
    s3._copy_object = copy_object
    s3._upload_part_copy = copy_part
    s3._ensure_bucket = ensure_bucket
    s3._read_body = reading(s3._read_body)  # by now that of `ranges`
