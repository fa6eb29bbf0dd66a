"""Files that were published in parts: copied part by part, over as many invocations as it takes.

S3 knows no SHA-256 of a whole object of parts, only one of its parts' own. The runner tells that checksum and
the size of its parts in the run's manifest; the same parts of the same bytes have the same one, so a copy is
made of the same parts, and put together only if that is so.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from handlers.context import Context
from handlers.delivery_plan import THROTTLING, Unfit, class_of
from handlers.items import get, put
from handlers.log import logger

# S3 copies 1 GiB within a region in some ten seconds; slow ones are given several times that.
LEAST_S_FOR_A_PART = 90.0


class Unfinished(Exception):
    """The time does not do for all parts: the schedule goes on with what is there."""


def copy_in_parts(
    context: Context,
    delivery_id: str,
    to: Mapping[str, str],
    encrypted: Mapping[str, str],
    source: Mapping[str, str],
    file: Mapping[str, Any],
) -> None:
    """Copy `file` from `source` to the place `to`; the object is there once all parts are, or not at all."""
    upload = _upload_of(context, delivery_id, to, encrypted, file["path"])
    try:
        done = _parts(context, to, upload)
        size, whole = int(file["parts"]["bytes"]), int(file["size"])
        count = -(-whole // size)
        for number in range(1, count + 1):
            if number in done:
                continue
            if context.time_left() < LEAST_S_FOR_A_PART:
                raise Unfinished(f"{len(done)} of {count} parts of {file['path']} are copied")
            last = min(number * size, whole) - 1
            answer = context.clients.s3.upload_part_copy(
                **to,
                UploadId=upload,
                PartNumber=number,
                CopySource=source,
                CopySourceRange=f"bytes={(number - 1) * size}-{last}",
            )
            done[number] = answer["CopyPartResult"]
        parts = [
            {"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
            for number, part in sorted(done.items())
        ]
        if _composite(parts) != file["parts"]["checksum"]:
            give_up(context, delivery_id, to, file["path"])
            raise Unfit(f"{file['path']} does not have the SHA-256 that the run's manifest gives")
        context.clients.s3.complete_multipart_upload(**to, UploadId=upload, MultipartUpload={"Parts": parts})
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise
        # Put together by somebody else, or given up: the next pass looks whether the file is there.
        _note(context, delivery_id, file["path"], "", upload)
        raise Unfinished(f"the copy of {file['path']} was ended by another") from error


def give_up(context: Context, delivery_id: str, to: Mapping[str, str], path: str) -> None:
    """Leave no parts behind, which would be paid for, of a copy that is not to be."""
    item = get(context, _key(delivery_id, path))
    if item is None or not item["upload"]:
        return
    try:
        context.clients.s3.abort_multipart_upload(**to, UploadId=item["upload"])
    except ClientError as error:
        if class_of(error) == THROTTLING:
            raise
        # Gone already, or the partner does not let us: a rule of the bucket's own is what is left.
        logger.warning("parts are left behind", delivery=delivery_id, path=path, reason=str(error))
    _note(context, delivery_id, path, "", item["upload"])


def _upload_of(
    context: Context, delivery_id: str, to: Mapping[str, str], encrypted: Mapping[str, str], path: str
) -> str:
    """The upload that is under way, of two functions the same; or a new one."""
    item = get(context, _key(delivery_id, path))
    if item and item["upload"]:
        return str(item["upload"])
    begun: str = context.clients.s3.create_multipart_upload(**to, **encrypted, ChecksumAlgorithm="SHA256")[
        "UploadId"
    ]
    if _note(context, delivery_id, path, begun, None if item is None else ""):
        return begun
    context.clients.s3.abort_multipart_upload(**to, UploadId=begun)
    raise Unfinished(f"another has begun to copy {path}")


def _note(context: Context, delivery_id: str, path: str, upload: str, known: str | None) -> bool:
    item = {**_key(delivery_id, path), "upload": upload}
    if known is None:
        return put(context, item, ConditionExpression="attribute_not_exists(pk)")
    return put(
        context,
        item,
        ConditionExpression="#upload = :known",
        ExpressionAttributeNames={"#upload": "upload"},
        ExpressionAttributeValues={":known": {"S": known}},
    )


def _parts(context: Context, to: Mapping[str, str], upload: str) -> dict[int, Mapping[str, Any]]:
    pages = context.clients.s3.get_paginator("list_parts").paginate(**to, UploadId=upload)
    return {part["PartNumber"]: part for page in pages for part in page.get("Parts", [])}


def _composite(parts: list[dict[str, Any]]) -> str:
    """S3's checksum of an object of these parts."""
    told = b"".join(base64.b64decode(each["ChecksumSHA256"]) for each in parts)
    return f"{base64.b64encode(hashlib.sha256(told).digest()).decode()}-{len(parts)}"


def _key(delivery_id: str, path: str) -> dict[str, str]:
    return {"pk": f"parts#{delivery_id}", "sk": path}
