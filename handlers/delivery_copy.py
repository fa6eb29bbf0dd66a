"""The calls to a partner's bucket: copy what is not there yet, then the manifest, last and only if absent."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from handlers.agreement import Agreement
from handlers.context import Context
from handlers.delivery_parts import copy_in_parts
from handlers.delivery_parts import give_up as give_up_parts
from handlers.delivery_plan import (
    ERASURE,
    LARGEST_COPY,
    MANIFEST,
    NOTICE,
    RECEIPT,
    THROTTLING,
    OwnSide,
    Unfit,
    chosen,
    class_of,
)
from handlers.manifest import s3_checksum
from handlers.passport import PASSPORT
from handlers.run import Run


def owed(context: Context, agreement: Agreement, run: Run) -> list[Mapping[str, Any]]:
    """The files of the run that the agreement means; `Unfit` if they cannot be delivered as they are."""
    largest = None if agreement.links else LARGEST_COPY
    return chosen(results_of(context, run, agreement.names), agreement.names, largest)


def results_of(context: Context, run: Run, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The files of the run's own manifest, and its passport where `names` has that; `OwnSide` if they cannot
    be read.
    """
    try:
        answer = context.clients.s3.get_object(
            Bucket=context.office.results, Key=f"{run.results_prefix}manifest.json"
        )
    except ClientError as error:
        if class_of(error) == THROTTLING:
            raise
        raise OwnSide(f"the manifest of {run.run_id} cannot be read: {error}") from error
    files: list[Mapping[str, Any]] = json.loads(answer["Body"].read())["files"]
    return [*files, _passport_of(context, run)] if PASSPORT in names else files


def _passport_of(context: Context, run: Run) -> Mapping[str, Any]:
    try:
        head = context.clients.s3.head_object(
            Bucket=context.office.results, Key=f"{run.results_prefix}{PASSPORT}", ChecksumMode="ENABLED"
        )
    except ClientError as error:
        if class_of(error) == THROTTLING:
            raise
        raise OwnSide(f"the passport of {run.run_id} cannot be read: {error}") from error
    sha256 = base64.b64decode(head["ChecksumSHA256"]).hex()
    return {"path": PASSPORT, "size": head["ContentLength"], "sha256": sha256}


def copy_files(
    context: Context, agreement: Agreement, delivery_id: str, run: Run, files: Sequence[Mapping[str, Any]]
) -> None:
    """Copy each file that is not there with the right bytes. What links lead to must be right where it is."""
    if agreement.links:
        _check_files(context, run, files)
        return
    for each in files:
        if not is_there(context, agreement, delivery_id, each):
            _copy(context, agreement, delivery_id, run, each)


def _check_files(context: Context, run: Run, files: Sequence[Mapping[str, Any]]) -> None:
    for each in files:
        at = {"Bucket": context.office.results, "Key": f"{run.results_prefix}{each['path']}"}
        try:
            head = context.clients.s3.head_object(**at, ChecksumMode="ENABLED")
        except ClientError as error:
            if class_of(error) == THROTTLING:
                raise
            raise OwnSide(f"{at['Key']} of the office's own results cannot be read: {error}") from error
        if not _same(head, each):
            raise Unfit(f"{each['path']} does not have the SHA-256 that the run's manifest gives")


def give_up(
    context: Context, agreement: Agreement, delivery_id: str, files: Sequence[Mapping[str, Any]]
) -> None:
    """Remove the parts of a delivery that is not to become whole."""
    for each in files:
        if each.get("parts") and not agreement.links:
            give_up_parts(context, delivery_id, _at(agreement, delivery_id, each["path"]), each["path"])


def is_there(context: Context, agreement: Agreement, delivery_id: str, file: Mapping[str, Any]) -> bool:
    """Whether the partner's bucket holds this file, by size and SHA-256."""
    try:
        head = context.clients.s3.head_object(
            **_at(agreement, delivery_id, file["path"]), ChecksumMode="ENABLED"
        )
    except ClientError as error:
        # Without s3:ListBucket, S3 answers 403 for what is absent. If it is a refusal, the copy is told why.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            return False
        raise
    return _same(head, file)


def _same(head: Mapping[str, Any], file: Mapping[str, Any]) -> bool:
    same: bool = head["ContentLength"] == file["size"]
    return same and head.get("ChecksumSHA256") == s3_checksum(file)


def _copy(
    context: Context, agreement: Agreement, delivery_id: str, run: Run, file: Mapping[str, Any]
) -> None:
    source = {"Bucket": context.office.results, "Key": f"{run.results_prefix}{file['path']}"}
    to = _at(agreement, delivery_id, file["path"])
    try:
        if file.get("parts"):
            copy_in_parts(context, delivery_id, to, _encrypted(agreement), source, file)
            return
        answer = context.clients.s3.copy_object(
            **to,
            **_encrypted(agreement),
            CopySource=source,
            ChecksumAlgorithm="SHA256",
        )
    except ClientError as error:
        if class_of(error) != THROTTLING:
            _refuse_own_fault(context, source)  # a copy is denied in the same words on either side
        raise
    copied = answer["CopyObjectResult"].get("ChecksumSHA256")
    if copied != s3_checksum(file):
        raise Unfit(f"{file['path']} does not have the SHA-256 that the run's manifest gives")


def _refuse_own_fault(context: Context, source: Mapping[str, str]) -> None:
    """`OwnSide` if the office's own function cannot read what it was to copy."""
    try:
        # AWS: with ChecksumMode the head of an encrypted object asks for kms:Decrypt, as the copy does.
        context.clients.s3.head_object(**source, ChecksumMode="ENABLED")
    except ClientError as error:
        raise OwnSide(f"{source['Key']} of the office's own results cannot be read: {error}") from error


def put_manifest(context: Context, agreement: Agreement, delivery_id: str, body: bytes) -> str:
    """Make the delivery complete to its reader; returns the manifest's SHA-256.

    A manifest that is there must be the same: ours, whose reply was lost.
    """
    if not _put_if_absent(context, agreement, delivery_id, MANIFEST, body):
        held = context.clients.s3.get_object(**_at(agreement, delivery_id, MANIFEST))["Body"].read()
        if held != body:
            raise Unfit(f"another {MANIFEST} is there already")
    return hashlib.sha256(body).hexdigest()


def put_notice(context: Context, agreement: Agreement, delivery_id: str, by: str) -> None:
    """Tell the partner that `by` replaces an earlier delivery.

    A notice that is there stays: the delivery it names has, or will get, a notice of its own.
    """
    body = json.dumps({"schema": 1, "delivery": delivery_id, "superseded_by": by}, sort_keys=True).encode()
    _put_if_absent(context, agreement, delivery_id, NOTICE, body)


def put_erasure(context: Context, agreement: Agreement, delivery_id: str, now: str) -> None:
    """Tell the partner that the sample is erased. Its copy is its own: it alone can delete that."""
    told = {
        "schema": 1,
        "delivery": delivery_id,
        "erased": now,
        "what_to_do": "The office has erased this sample: delete your copy, and what you made of it.",
    }
    body = (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()
    _put_if_absent(context, agreement, delivery_id, ERASURE, body)


def _put_if_absent(context: Context, agreement: Agreement, delivery_id: str, name: str, body: bytes) -> bool:
    try:
        context.clients.s3.put_object(
            **_at(agreement, delivery_id, name),
            **_encrypted(agreement),
            Body=body,
            IfNoneMatch="*",
            ChecksumAlgorithm="SHA256",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        return False
    return True


def read_receipt(context: Context, agreement: Agreement, delivery_id: str) -> bytes | None:
    """The partner's receipt, None while there is none.

    Where the partner does not let the office list, S3 answers 403 for what is absent. A receipt that may not
    be read is none either: it comes late, and the alarm calls a person.
    """
    try:
        answer = context.clients.s3.get_object(**_at(agreement, delivery_id, RECEIPT))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            return None
        raise
    body: bytes = answer["Body"].read()
    return body


def _at(agreement: Agreement, delivery_id: str, name: str) -> dict[str, str]:
    return {
        "Bucket": agreement.bucket,
        "Key": f"{agreement.prefix}{delivery_id}/{name}",
        # A bucket's name is free once it is deleted: never deliver to whoever took it.
        "ExpectedBucketOwner": agreement.account,
    }


def _encrypted(agreement: Agreement) -> dict[str, str]:
    """The partner's key, or what its bucket does by itself."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": agreement.key} if agreement.key else {}
