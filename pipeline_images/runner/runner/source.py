"""Random access to the bytes of an archive or a reference: a local file, or one version of an S3 object."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from runner.limits import MIB
from runner.outcome import EX_IOERR, EX_NOINPUT, EX_UNAVAILABLE, Failed

# One read and write: bounds memory to threads x 256 KiB, and a core's cache holds that between the two.
CHUNK_BYTES = MIB // 4
READ_ATTEMPTS = 8  # in a row without a byte; S3 asks clients to slow down with 503
LONGEST_PAUSE_S = 10


class Source(Protocol):
    """`read_into` fills the view or raises; `chunks` yields in order, each chunk valid until the next."""

    size: int

    def read_into(self, offset: int, view: memoryview) -> None: ...

    def chunks(self, offset: int, length: int, buffer: bytearray) -> Iterator[memoryview]: ...


class FileSource:
    """A file on a local disk."""

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Failed(f"cannot open {path}: {error.strerror}", EX_NOINPUT) from error
        self.size = os.fstat(self._fd).st_size

    def read_into(self, offset: int, view: memoryview) -> None:
        done = 0
        while done < len(view):
            count = os.preadv(self._fd, [view[done:]], offset + done)
            if not count:
                raise Failed(f"the file shrank to {offset + done} bytes while it was read", EX_IOERR)
            done += count

    def chunks(self, offset: int, length: int, buffer: bytearray) -> Iterator[memoryview]:
        for start in range(0, length, len(buffer)):
            view = memoryview(buffer)[: min(len(buffer), length - start)]
            self.read_into(offset + start, view)
            yield view

    def close(self) -> None:
        os.close(self._fd)


class S3Source:
    """One version of one S3 object, read by ranged GETs on one kept-alive connection per thread.

    botocore signs (presigned URLs); the bodies are read by http.client straight into a buffer, which costs
    less CPU than botocore's response stream. Every GET carries If-Match, so parts never come from two
    versions.
    """

    def __init__(self, client: Any, target: dict[str, str], *, size: int, etag: str) -> None:
        self._client, self._target, self._etag = client, target, etag
        self.size = size

    @classmethod
    def open(cls, client: Any, bucket: str, key: str, version: str | None) -> "S3Source":
        """Ask S3 for the object's size and ETag."""
        target = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        try:
            head = client.head_object(**target)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            why = {403: "access denied", 404: "there is no such version"}.get(status, str(error))
            code = EX_NOINPUT if status == 404 else EX_UNAVAILABLE
            raise Failed(f"cannot read s3://{bucket}/{key} (version {version}): {why}", code) from error
        return cls(client, target, size=head["ContentLength"], etag=head["ETag"])

    @property
    def name(self) -> str:
        return f"s3://{self._target['Bucket']}/{self._target['Key']}"

    def read_into(self, offset: int, view: memoryview) -> None:
        done = 0
        for chunk in self.chunks(offset, len(view), bytearray(min(len(view), CHUNK_BYTES))):
            view[done : done + len(chunk)] = chunk
            done += len(chunk)

    def chunks(self, offset: int, length: int, buffer: bytearray) -> Iterator[memoryview]:
        """Yield the range in order; a broken connection is taken up again where it broke."""
        done, failures = 0, 0
        view = memoryview(buffer)
        while done < length:
            try:
                with closing(self._get(offset + done, length - done)) as body:
                    while done < length:
                        count = body.readinto(view[: min(len(view), length - done)])
                        if not count:
                            raise ConnectionError("the reply ended early")
                        yield view[:count]
                        done, failures = done + count, 0
            except (BotoCoreError, HTTPError, OSError) as error:
                failures += 1
                if failures == READ_ATTEMPTS:
                    raise Failed(
                        f"reading {self.name} at byte {offset + done}: {error}", EX_UNAVAILABLE
                    ) from error
                time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 0.1 * 2**failures)))

    def _get(self, offset: int, length: int) -> Any:
        last = offset + length - 1
        try:
            reply = self._client.get_object(
                **self._target, Range=f"bytes={offset}-{last}", IfMatch=self._etag
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                raise Failed(f"{self.name} was replaced while it was read", EX_IOERR) from error
            raise Failed(f"reading {self.name} at byte {offset}: {error}", EX_UNAVAILABLE) from error
        body = reply["Body"]
        if "ContentRange" not in reply and reply["ContentLength"] == self.size:
            # HTTP lets a server ignore Range and send the whole; S3 does not, stand-ins for it do.
            _skip(body, offset)
        elif reply.get("ContentRange") != f"bytes {offset}-{last}/{self.size}":
            body.close()
            raise ConnectionError(f"asked for bytes {offset}-{last}, got {reply.get('ContentRange')}")
        return body


def _skip(body: Any, length: int) -> None:
    while length:
        read = len(body.read(min(length, CHUNK_BYTES)))
        if not read:
            raise ConnectionError("the reply ended early")
        length -= read
