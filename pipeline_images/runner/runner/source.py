"""Random access to the bytes of an archive or a reference: a local file, or one version of an S3 object."""

import http.client
import os
import random
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from runner.limits import MIB
from runner.outcome import EX_IOERR, EX_NOINPUT, EX_UNAVAILABLE, Failed

CHUNK_BYTES = MIB  # one read and write; bounds memory to threads x 1 MiB
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
        self._threads = threading.local()

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
                response = self._get(offset + done, length - done)
                while done < length:
                    count = response.readinto(view[: min(len(view), length - done)])
                    if not count:
                        raise ConnectionError("the reply ended early")
                    yield view[:count]
                    done, failures = done + count, 0
                if response.length:
                    self._disconnect()  # more than the range was sent
                else:
                    response.read()  # the end of the reply, so that the connection can serve the next
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                failures += 1
                if failures == READ_ATTEMPTS:
                    raise Failed(
                        f"reading {self.name} at byte {offset + done}: {error}", EX_UNAVAILABLE
                    ) from error
                time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, 0.1 * 2**failures)))

    def _get(self, offset: int, length: int) -> http.client.HTTPResponse:
        url = urllib.parse.urlsplit(
            self._client.generate_presigned_url(
                "get_object", self._target | {"IfMatch": self._etag}, ExpiresIn=900
            )
        )
        last = offset + length - 1
        headers = {"Range": f"bytes={offset}-{last}", "If-Match": self._etag}
        connection = self._connection(url)
        connection.request("GET", f"{url.path}?{url.query}", headers=headers)
        response = connection.getresponse()
        if response.status == 412:
            raise Failed(f"{self.name} was replaced while it was read", EX_IOERR)
        if response.status == 200 and response.length == self.size:
            # HTTP lets a server ignore Range and send the whole; S3 does not, stand-ins for it do.
            _skip(response, offset)
            return response
        found = response.getheader("Content-Range")
        if response.status != 206 or found != f"bytes {offset}-{last}/{self.size}":
            raise ConnectionError(f"status {response.status}, range {found}")
        return response

    def _connection(self, url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
        if not hasattr(self._threads, "connection"):
            kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
            self._threads.connection = kind(url.hostname or "", url.port, timeout=60)
        connection: http.client.HTTPConnection = self._threads.connection
        return connection

    def _disconnect(self) -> None:
        if hasattr(self._threads, "connection"):
            self._threads.connection.close()

    def close(self) -> None:
        self._disconnect()  # this thread's; the workers' end with their threads


def _skip(response: http.client.HTTPResponse, length: int) -> None:
    while length:
        read = len(response.read(min(length, CHUNK_BYTES)))
        if not read:
            raise ConnectionError("the reply ended early")
        length -= read
