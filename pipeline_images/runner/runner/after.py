"""What a pipeline takes of other runs' results: as their manifests have them, or not at all.

A follow-on pipeline finds all of its predecessor's in `$AFTER`, by the names they were published under; they
are small beside the reads. A cohort's members are in `runner.members`.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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

THREADS = 12  # requests under way
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file of a result, where it is, and its path below the folder that it is fetched into."""

    key: str
    path: tuple[str, ...]
    file: ResultFile


def stage_results(
    s3: Any, bucket: str, after: After, dest: Path, stop: Stop, fits: Callable[[int], None]
) -> int:
    """Fetch every result file into `dest`; returns their bytes. Raises `Failed` when one is not as published.

    `fits` is asked with the bytes that will be written, and raises when there is no room.
    """
    _, listed = published(s3, bucket, after)
    wanted = [
        Wanted(key=after.prefix + file.path, path=path_of(file, bucket, after), file=file) for file in listed
    ]
    return fetch(s3, bucket, wanted, dest, stop, fits)


def published(s3: Any, bucket: str, after: After) -> tuple[bytes, list[ResultFile]]:
    """A run's manifest as it is, and the files that it lists; raises `Failed` if it is not that run's."""
    where = f"s3://{bucket}/{after.prefix}"
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=after.prefix + MANIFEST)["Body"].read()
        manifest = json.loads(body)
        if manifest["run_id"] != after.run_id:
            raise Failed(
                f"{where}{MANIFEST} is of run {manifest['run_id']!r}, not {after.run_id}", EX_NOINPUT
            )
        return body, sorted(files_of(manifest), key=lambda file: file.path)
    except ClientError as error:
        # AWS: without s3:ListBucket a missing key is answered with 403 instead of 404.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            raise Failed(
                f"the predecessor's results are gone: {where} has no {MANIFEST}", EX_NOINPUT
            ) from error
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{where}{MANIFEST} is none that a run publishes: {error!r}", EX_NOINPUT) from error


def fetch(
    s3: Any,
    bucket: str,
    wanted: Sequence[Wanted],
    dest: Path,
    stop: Stop,
    fits: Callable[[int], None],
) -> int:
    """Fetch the files into `dest`; returns their bytes. `fits` and errors as of `stage_results`."""
    size = sum(each.file.size for each in wanted)
    fits(size)
    with ThreadPoolExecutor(THREADS) as pool:
        objects = list(
            pool.map(
                lambda each: BucketObject(path=each.path, source=S3Source.open(s3, bucket, each.key, None)),
                wanted,
            )
        )
    digests = download(objects, dest, stop)
    wrong = [each.key for each in wanted if digests["/".join(each.path)] != each.file.sha256]
    if wrong:
        raise Failed(
            f"results in s3://{bucket} are not those of their {MANIFEST}: {', '.join(sorted(wrong)[:_SHOWN])}"
            " changed since; run the predecessor again",
            EX_NOINPUT,
        )
    return size


def path_of(file: ResultFile, bucket: str, after: After) -> tuple[str, ...]:
    """The path of a file that a manifest lists; raises `Failed` if it could lead out of a folder."""
    where = f"s3://{bucket}/{after.prefix}{MANIFEST}"
    try:
        path = clean_path(file.path.encode(), Limits())
    except Refused as error:
        raise Failed(f"{where}: {error.reason}", EX_NOINPUT) from error
    if "/".join(path) != file.path:
        raise Failed(f"{where}: {file.path!r} is no plain path", EX_NOINPUT)
    return path
