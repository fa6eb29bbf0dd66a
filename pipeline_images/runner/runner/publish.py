"""Publishes a result: files in parallel, each with its SHA-256, then `manifest.json`, only if absent.

Two attempts may be alive and write the same keys. A file is put if it is absent; where another attempt's
stands with other bytes it is replaced only as it was seen (If-Match) before the lease was confirmed. An
attempt that lost its lease can thus never replace a file of its successor: its view is too old, and S3 says
no.
"""

import base64
import hashlib
import json
import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from s3transfer.utils import ReadFileChunk

from runner.limits import MIB, Limits
from runner.manifest import MANIFEST, Parts, ResultFile, files_of
from runner.member_names import clean_path
from runner.outcome import EX_SOFTWARE, EX_UNAVAILABLE, Failed, Refused
from runner.stop import Stop

THREADS = 8
RACES = 8  # a key that changes this often between our look and our put is not a race any more
PUT_BYTES = 5 << 30  # AWS: the largest object of one PutObject
# AWS: a multipart upload has 10,000 parts at most, of 5 MiB to 5 GiB. Its SHA-256 is one of its parts' only.
PART_BYTES, MOST_PARTS = 1 << 30, 10_000
PARTS_AT_ONCE = 4
_RESERVED = (MANIFEST, "status.json", "passport.json")
_TEXT_TYPES = {
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".gz": "application/gzip",  # not an encoding: nobody wants it unpacked on the way
}


class AlreadyPublished(Exception):
    """A whole result of this run stands there: another attempt's, and it stays."""


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """A run's place in the results bucket. `confirm` renews the lease, or raises `Stopped`."""

    s3: Any
    bucket: str
    prefix: str
    stop: Stop
    confirm: Callable[[], None]
    metadata: Mapping[str, str]

    def published(self) -> dict[str, Any] | None:
        """The manifest that stands there, when every file it lists stands there too with its SHA-256."""
        found = self._manifest()
        return found if found is not None and self._stands(found) else None

    def put_files(self, folder: Path) -> list[ResultFile]:
        """Put every file below the folder; returns them in order.

        Raises:
            Failed: there is none.
            AlreadyPublished: an earlier attempt has published meanwhile.
        """
        paths = result_files(folder)
        for _ in range(RACES):
            try:
                return self._put_all(folder, paths)
            except AlreadyPublished:
                # One of our threads may have replaced a file of it just before another one saw it whole.
                if self.published() is not None:
                    raise
        raise Failed(f"{self._name('')} kept changing while it was published", EX_UNAVAILABLE)

    def _put_all(self, folder: Path, paths: list[str]) -> list[ResultFile]:
        self._leave_a_result_alone()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="publish") as pool:
            puts = [pool.submit(self._put_file, folder, path) for path in paths]
            try:
                return [put.result() for put in puts]
            except BaseException:
                pool.shutdown(cancel_futures=True)  # and waits for those under way
                raise

    def put_manifest(self, manifest: Mapping[str, Any]) -> bool:
        """Publish. False when a whole result of this run stood there already, which is then left as it is."""
        body = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.confirm()
        condition = {"IfNoneMatch": "*"}
        for _ in range(RACES):
            if self._put(MANIFEST, body, checksum, condition):
                return True
            seen = self._head(MANIFEST)
            if seen is None:
                continue
            if seen["checksum"] == checksum:
                return True  # ours: the reply to the first put was lost
            if self.published() is not None:
                return False
            # An attempt that had lost its lease published after all, over files that are ours by now: every
            # file it lists has changed, ours are whole. Only our manifest makes the result whole again.
            condition = {"IfMatch": seen["etag"]}
        raise Failed(f"{self._name(MANIFEST)} kept changing while it was published", EX_UNAVAILABLE)

    def _put_file(self, folder: Path, path: str) -> ResultFile:
        self.stop.check()
        file = _read(folder / path, path)
        if file.size > PART_BYTES * MOST_PARTS:
            most = PART_BYTES * MOST_PARTS
            raise Failed(f"the result {path} has {file.size} bytes; one object may have {most}", EX_SOFTWARE)
        condition = {"IfNoneMatch": "*"}
        for _ in range(RACES):
            if self._put_whole(folder / path, file, condition):
                break
            seen = self._head(path)
            if seen is None:
                continue
            if seen["checksum"] == file.checksum:
                break  # ours after a lost reply, or another attempt's with the same bytes
            self.confirm()  # after the look: from here on a newer attempt's put changes the ETag
            self._leave_a_result_alone()  # the other attempt's file may be part of one by now
            condition = {"IfMatch": seen["etag"]}
        else:
            raise Failed(f"{self._name(path)} kept changing while it was published", EX_UNAVAILABLE)
        return file

    def _put_whole(self, source: Path, file: ResultFile, condition: Mapping[str, str]) -> bool:
        """One file, in parts if it is too large for one put; False when the condition did not hold."""
        if file.parts:
            return self._put_parts(source, file, condition)
        with source.open("rb") as body:
            return self._put(file.path, body, file.checksum, condition)

    def _put_parts(self, source: Path, file: ResultFile, condition: Mapping[str, str]) -> bool:
        """The condition is judged when the parts are put together. What breaks off in between is nothing to
        any reader, and the bucket's own rule removes it.
        """
        at = {"Bucket": self.bucket, "Key": self.prefix + file.path}
        begun = self.s3.create_multipart_upload(
            **at,
            ContentType=content_type(file.path),
            ChecksumAlgorithm="SHA256",
            Metadata=dict(self.metadata),
        )

        def put(number: int) -> dict[str, Any]:
            self.stop.check()
            start = (number - 1) * PART_BYTES
            with ReadFileChunk.from_filename(str(source), start, PART_BYTES) as body:
                answer = self.s3.upload_part(
                    **at,
                    UploadId=begun["UploadId"],
                    PartNumber=number,
                    Body=body,
                    ChecksumAlgorithm="SHA256",
                )
            told = {name: answer[name] for name in ("ETag", "ChecksumSHA256")}
            return {"PartNumber": number, **told}

        with ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="parts") as pool:
            parts = list(pool.map(put, range(1, _count_of(file.size) + 1)))
        if composite(base64.b64decode(each["ChecksumSHA256"]) for each in parts) != file.checksum:
            raise Failed(f"the result {file.path} changed while it was published", EX_SOFTWARE)
        try:
            self.s3.complete_multipart_upload(
                **at, UploadId=begun["UploadId"], MultipartUpload={"Parts": parts}, **condition
            )
        except ClientError as error:
            if _is_passed_by(error):
                return False
            raise
        return True

    def _leave_a_result_alone(self) -> None:
        """An attempt that woke up late may have published while this one worked: one result is enough."""
        if self.published() is not None:
            raise AlreadyPublished(f"another attempt has published {self._name('')}")

    def _put(self, path: str, body: Any, checksum: str, condition: Mapping[str, str]) -> bool:
        """One conditional put; False when the condition did not hold."""
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=self.prefix + path,
                Body=body,
                ContentType=content_type(path),
                ChecksumSHA256=checksum,
                Metadata=dict(self.metadata),
                **condition,
            )
        except ClientError as error:
            if _is_passed_by(error):
                return False
            raise
        return True

    def _head(self, path: str) -> dict[str, str] | None:
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=self.prefix + path, ChecksumMode="ENABLED")
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        return {"etag": head["ETag"], "checksum": head.get("ChecksumSHA256", "")}

    def _manifest(self) -> dict[str, Any] | None:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.prefix + MANIFEST)["Body"].read()
            found = json.loads(body)
            files_of(found)
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        except (ValueError, KeyError, TypeError):
            return None  # nothing that this program wrote
        return found if isinstance(found, dict) else None

    def _stands(self, manifest: Mapping[str, Any]) -> bool:
        def stands(file: ResultFile) -> bool:
            head = self._head(file.path)
            return head is not None and head["checksum"] == file.checksum

        with ThreadPoolExecutor(THREADS) as pool:
            return all(pool.map(stands, files_of(manifest)))

    def _name(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{path}"


def result_files(folder: Path) -> list[str]:
    """The paths of all results, sorted. Raises `Failed` for what cannot be a result."""
    found = []
    for here, folders, names in os.walk(folder):
        for name in [*names, *(f for f in folders if Path(here, f).is_symlink())]:
            path = Path(here, name)
            relative = str(path.relative_to(folder))
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Failed(f"the pipeline left {relative!r}, which is not a regular file", EX_SOFTWARE)
            if relative in _RESERVED:
                raise Failed(
                    f"the pipeline left {relative!r}, a name that is the platform's own", EX_SOFTWARE
                )
            try:
                clean_path(os.fsencode(relative), Limits())
            except Refused as error:
                raise Failed(
                    f"the pipeline left a result that cannot be published: {error.reason}", EX_SOFTWARE
                ) from error
            found.append(relative)
    if not found:
        raise Failed("the pipeline ended without an error and left no results", EX_SOFTWARE)
    return sorted(found)


def content_type(path: str) -> str:
    """What a browser should take the file for."""
    known = _TEXT_TYPES.get(Path(path).suffix.lower())
    return known or mimetypes.guess_type(path, strict=True)[0] or "application/octet-stream"


def _is_absent(error: ClientError) -> bool:
    # AWS: without s3:ListBucket a missing key is answered with 403 instead of 404.
    return error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404)


def _is_passed_by(error: ClientError) -> bool:
    # 409: another conditional put of the key was under way. 404: what we saw has been deleted.
    return error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412)


def composite(digests: Iterable[bytes]) -> str:
    """S3's checksum of an object of parts: the SHA-256 of the parts' own, and how many they are.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """
    parts = list(digests)
    return f"{base64.b64encode(hashlib.sha256(b''.join(parts)).digest()).decode()}-{len(parts)}"


def _count_of(size: int) -> int:
    return -(-size // PART_BYTES)


def _read(source: Path, path: str) -> ResultFile:
    """The file with its SHA-256 and, if it is put in parts, that of its parts: it is read once."""
    whole, size, large = hashlib.sha256(), 0, source.stat().st_size > PUT_BYTES
    parts: list[Any] = []
    with source.open("rb") as file:
        while chunk := file.read(MIB):
            whole.update(chunk)
            if large and size % PART_BYTES == 0:
                parts.append(hashlib.sha256())
            if large:
                parts[-1].update(chunk)
            size += len(chunk)
    checksum = composite(each.digest() for each in parts)
    in_parts = Parts(bytes=PART_BYTES, checksum=checksum) if large else None
    return ResultFile(path=path, size=size, sha256=whole.hexdigest(), parts=in_parts)
