"""Rerun: an upload is analysed once more, by the way that every upload takes.

The uploaded object is copied onto itself: a new version of the same bytes, which intake takes in as it takes
in a branch's. So a rerun has every guard that an upload has, and the old run stays as it was. It is done
only where it can come to something else: after a failure, or when the office has another release by now.

A follow-on run has no upload of its own: it is claimed anew, as when its predecessor succeeded. So is a
cohort, of what is the newest in its project by then.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from fleet.output import Refused
from handlers import cohort, ledger
from handlers.context import Context
from handlers.follow_on import follow_on_run
from handlers.intake import begin
from handlers.ledger import Newest
from handlers.project import Project
from handlers.run import FAILED, Run, run_id_of

# S3 copies at most 5 GiB by one request, and takes at most 10,000 parts.
MOST_AT_ONCE = 5 * 2**30
PART = 1 * 2**30
AT_ONCE = 8
MARK = "globalbi-rerun-of"


def refusal(run: Run, newest: Newest | None, release: str | None) -> str | None:
    """Why this run is not run again; None: it may be. `release`: the id of what the office's file has now."""
    if not run.terminal:
        return f"{run.run_id} is {run.state}: cancel it first"
    if newest is None or newest.run_id != run.run_id:
        return f"{run.run_id} is not the newest of its sample" + (
            f", {newest.run_id} is: rerun that one" if newest else ""
        )
    if release is None:
        return f"the office has no release of {run.sample.pipeline} any more"
    if run.state != FAILED and release == run.release:
        return (
            f"{run.run_id} is {run.state}, and the office's release is still the same:"
            " the same bytes would give the same"
        )
    return None


def run_again(
    context: Context, run: Run, newest: Newest, release: str, of_functions: Callable[[], Context]
) -> str:
    """Start the run again, by the way that it came; the new run's id. `of_functions`: a context that has the
    office's releases, which what starts a job itself needs.
    """
    if run.members is not None:
        return rerun_cohort(of_functions(), run)
    if run.after is not None:
        return rerun_follow_on(of_functions(), run, newest)
    return run_id_of(run.bucket, run.upload_key, rerun(context, run, newest), release)


def rerun(context: Context, run: Run, newest: Newest) -> str:
    """Copy the upload onto itself; the new version's id. Raises Refused if a newer upload is there."""
    s3, bucket, key = context.clients.s3, run.bucket, run.sample.key
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            raise Refused(f"s3://{bucket}/{key} is deleted: the branch must upload it again") from error
        raise
    if head.get("VersionId") != newest.version_id:
        raise Refused(f"s3://{bucket}/{key} has a newer version, which intake is about to take in")
    source = {"Bucket": bucket, "Key": key, "VersionId": newest.version_id}
    # S3 copies an object onto itself only if something changes; the mark also says where it comes from.
    keep = {
        "ContentType": head.get("ContentType", "application/x-tar"),
        "Metadata": {**head.get("Metadata", {}), MARK: run.run_id},
    }
    try:
        if head["ContentLength"] <= MOST_AT_ONCE:
            answer = s3.copy_object(
                Bucket=bucket,
                Key=key,
                CopySource=source,
                MetadataDirective="REPLACE",
                IfMatch=head["ETag"],  # an upload that comes meanwhile stays the newest
                ChecksumAlgorithm="CRC64NVME",
                **keep,
            )
        else:
            answer = _in_parts(s3, bucket, key, source, head, keep)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
            raise Refused(f"a newer upload of s3://{bucket}/{key} came meanwhile") from error
        raise
    return str(answer["VersionId"])


def rerun_follow_on(context: Context, run: Run, newest: Newest) -> str:
    """Take the predecessor's results once more; the new run's id. `context` has the office's releases."""
    if run.after is None:
        raise Refused(f"{run.run_id} is no follow-on run")
    predecessor = ledger.read_run(context, run.after.run_id)
    known = ledger.read_newest(context, replace(run.sample, pipeline=run.after.pipeline))
    if predecessor is None or known is None or known.run_id != predecessor.run_id:
        raise Refused(
            f"{run.run_id} took the results of {run.after.run_id}, which is not the newest any more"
        )
    if predecessor.recall is not None:
        raise Refused(f"{run.run_id} took the results of {predecessor.run_id}, which are recalled")
    release = context.office.releases[run.sample.pipeline]
    first = follow_on_run(predecessor, release, context.office.results, context.now)
    manifest = f"{run.after.prefix}manifest.json"
    again = replace(first, run_id=run_id_of(context.office.results, manifest, run.run_id, release.id))
    if not begin(context, again, newest, None):
        raise Refused(f"{run.sample.folder} changed while it was to be run again: look at it anew")
    return again.run_id


def rerun_cohort(context: Context, run: Run) -> str:
    """Compare the newest results of the project's samples once more; as `rerun_follow_on`."""
    if run.members is None:
        raise Refused(f"{run.run_id} is of no members")
    project = Project(pipeline=run.members.pipeline, name=run.sample.project)
    new = cohort.claim(context, context.office.releases[run.sample.pipeline], project)
    if new is None:
        raise Refused(f"{run.sample.folder} has no results of {project.pipeline} to compare any more")
    return new


def parts(length: int, part: int = PART) -> list[tuple[int, int]]:
    """First and last byte of each part."""
    part = max(part, -(-length // 10_000))
    return [(at, min(at + part, length) - 1) for at in range(0, length, part)]


def _in_parts(
    s3: Any,
    bucket: str,
    key: str,
    source: Mapping[str, str],
    head: Mapping[str, Any],
    keep: Mapping[str, Any],
) -> Any:
    where = {"Bucket": bucket, "Key": key}
    upload = s3.create_multipart_upload(
        **where, **keep, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]

    def copy(number: int, first: int, last: int) -> dict[str, Any]:
        copied = s3.upload_part_copy(
            **where,
            UploadId=upload,
            PartNumber=number,
            CopySource=source,
            CopySourceRange=f"bytes={first}-{last}",
        )["CopyPartResult"]
        checksum = {"ChecksumCRC64NVME": copied["ChecksumCRC64NVME"]} if "ChecksumCRC64NVME" in copied else {}
        return {"PartNumber": number, "ETag": copied["ETag"], **checksum}

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            ranges = enumerate(parts(head["ContentLength"]), start=1)
            copied = list(pool.map(lambda each: copy(each[0], *each[1]), ranges))
        return s3.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": copied}, IfMatch=head["ETag"]
        )
    except BaseException:
        s3.abort_multipart_upload(**where, UploadId=upload)
        raise
