"""What a cohort takes: of each of its members the manifest and `abundance/`, in one folder a sample.

The list of members is an object, known by its SHA-256. It is fetched beside the folders, and published with
the results: they say themselves what they were made of.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from runner.after import THREADS, Wanted, fetch, path_of, published
from runner.environment import After, Members
from runner.limits import Limits
from runner.manifest import MANIFEST, ResultFile
from runner.member_names import clean_path
from runner.outcome import EX_NOINPUT, Failed, Refused
from runner.stop import Stop

LIST = "members.json"
TAKEN = "abundance/"


@dataclass(frozen=True, kw_only=True)
class Member:
    sample: str
    run: After

    @property
    def folder(self) -> str:
        """The sample's name, or its run's id where no folder can be called so."""
        try:
            named = clean_path(self.sample.encode(), Limits())
        except Refused:
            named = ()
        return self.sample if named == (self.sample,) and self.sample != LIST else self.run.run_id


def stage_members(
    s3: Any, bucket: str, members: Members, dest: Path, stop: Stop, fits: Callable[[int], None]
) -> int:
    """Fetch what the cohort takes of its members into `dest`; returns the bytes.

    Raises `Failed` when the list or a file is not as it was published. `fits` is asked as in `runner.after`.
    """
    body = _list(s3, bucket, members)
    found = _members(body, f"s3://{bucket}/{members.key}")
    with ThreadPoolExecutor(THREADS) as pool:
        wanted = [each for some in pool.map(lambda one: _wanted(s3, bucket, one), found) for each in some]
    size = fetch(s3, bucket, wanted, dest, stop, fits)
    (dest / LIST).write_bytes(body)
    return size


def _wanted(s3: Any, bucket: str, member: Member) -> list[Wanted]:
    body, listed = published(s3, bucket, member.run)
    manifest = ResultFile(path=MANIFEST, size=len(body), sha256=hashlib.sha256(body).hexdigest())
    return [
        Wanted(
            key=member.run.prefix + file.path,
            path=(member.folder, *path_of(file, bucket, member.run)),
            file=file,
        )
        for file in (manifest, *(file for file in listed if file.path.startswith(TAKEN)))
    ]


def _list(s3: Any, bucket: str, members: Members) -> bytes:
    where = f"s3://{bucket}/{members.key}"
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=members.key)["Body"].read()
    except ClientError as error:
        # AWS: without s3:ListBucket a missing key is answered with 403 instead of 404.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            raise Failed(f"the list of members is gone: there is no {where}", EX_NOINPUT) from error
        raise
    if hashlib.sha256(body).hexdigest() != members.sha256:
        raise Failed(f"{where} is not the list of members that this run was claimed for", EX_NOINPUT)
    return body


def _members(body: bytes, where: str) -> list[Member]:
    try:
        return [
            Member(sample=each["sample"], run=After(run_id=each["run_id"], prefix=each["prefix"]))
            for each in json.loads(body)["members"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise Failed(f"{where} is no list of members: {error!r}", EX_NOINPUT) from error
