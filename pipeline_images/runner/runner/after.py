"""What a follow-on pipeline takes: its predecessor's results, whole and as its manifest has them.

They are small beside the reads; the pipeline finds them in `$AFTER`, by the names they were published under.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from runner.environment import After
from runner.limits import Limits
from runner.manifest import MANIFEST, ResultFile, files_of
from runner.member_names import clean_path
from runner.objects import BucketObject, download
from runner.outcome import EX_NOINPUT, Failed, Refused
from runner.source import S3Source
from runner.stop import Stop

_SHOWN = 3


def stage_results(
    s3: Any, bucket: str, after: After, dest: Path, stop: Stop, fits: Callable[[int], None]
) -> int:
    """Fetch every result file into `dest`; returns their bytes. Raises `Failed` when one is not as published.

    `fits` is asked with the bytes that will be written, and raises when there is no room.
    """
    where = f"s3://{bucket}/{after.prefix}"
    listed = {file.path: file for file in _listed(s3, bucket, after, where)}
    size = sum(file.size for file in listed.values())
    fits(size)
    objects = [
        BucketObject(path=_path(name, where), source=S3Source.open(s3, bucket, after.prefix + name, None))
        for name in sorted(listed)
    ]
    digests = download(objects, dest, stop)
    wrong = [name for name, file in listed.items() if digests[name] != file.sha256]
    if wrong:
        raise Failed(
            f"the results in {where} are not those of their {MANIFEST}: {', '.join(sorted(wrong)[:_SHOWN])}"
            " changed since; run the predecessor again",
            EX_NOINPUT,
        )
    return size


def _listed(s3: Any, bucket: str, after: After, where: str) -> list[ResultFile]:
    try:
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=after.prefix + MANIFEST)["Body"].read())
        if manifest["run_id"] != after.run_id:
            raise Failed(
                f"{where}{MANIFEST} is of run {manifest['run_id']!r}, not {after.run_id}", EX_NOINPUT
            )
        return files_of(manifest)
    except ClientError as error:
        # AWS: without s3:ListBucket a missing key is answered with 403 instead of 404.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            raise Failed(
                f"the predecessor's results are gone: {where} has no {MANIFEST}", EX_NOINPUT
            ) from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{where}{MANIFEST} is none that a run publishes: {error!r}", EX_NOINPUT) from error


def _path(name: str, where: str) -> tuple[str, ...]:
    try:
        path = clean_path(name.encode(), Limits())
    except Refused as error:
        raise Failed(f"{where}{MANIFEST}: {error.reason}", EX_NOINPUT) from error
    if "/".join(path) != name:
        raise Failed(f"{where}{MANIFEST}: {name!r} is no plain path", EX_NOINPUT)
    return path
