"""S3's copy from one account's bucket into another's: ministack looks for both in the destination's account.

Whether the caller may read the one and write the other has been decided before.
"""

from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import get_account_id, get_region, request_scope  # type: ignore[import-untyped]
from ministack.services import s3  # type: ignore[import-untyped]

_source: ContextVar[tuple[str, str] | None] = ContextVar("the source's bucket and account", default=None)
_copy = s3._copy_object
_ensure = s3._ensure_bucket
_read = s3._read_body


def copy_object(bucket: str, key: str, headers: dict[str, str]) -> Any:
    name = unquote(headers.get("x-amz-copy-source", "").lstrip("/").partition("?")[0]).partition("/")[0]
    owner = s3._bucket_owner_account(name)
    token = _source.set((name, owner) if owner not in (None, get_account_id()) else None)
    try:
        return _copy(bucket, key, headers)
    finally:
        _source.reset(token)


def ensure_bucket(name: str) -> Any:
    source = _source.get()
    if source and source[0] == name:
        return s3._buckets.get_scoped(source[1], None, name)
    return _ensure(name)


def read_body(bucket: str, key: str, record: dict[str, Any]) -> Any:
    source = _source.get()
    if source and source[0] == bucket:
        with request_scope(source[1], get_region()):
            return _read(bucket, key, record)
    return _read(bucket, key, record)


def install() -> None:
    s3._copy_object = copy_object
    s3._ensure_bucket = ensure_bucket
    s3._read_body = read_body
