"""References: each version comes to a host once, is checked by its SHA256SUMS, and is shared by its jobs.

`<scratch>/references/<name>/<version>/` appears by an atomic rename when every file has its checksum, so what
is there is whole. A lock file for each version lets one job fetch while the others wait, and keeps a version
that is in use from being evicted; locks end with their process, so a killed job leaves nothing that stops the
next.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.environment import Reference
from runner.limits import Limits
from runner.member_names import clean_path
from runner.objects import BucketObject, download
from runner.outcome import EX_CONFIG, EX_IOERR, Failed, Refused
from runner.source import S3Source
from runner.stop import Stop

SUMS = "SHA256SUMS"
SPARE_BYTES = 1 << 30  # left for everybody else on the disk
LOCK_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The host's references. `free_bytes` tells the disk's free space."""

    folder: Path
    s3: Any
    bucket: str
    stop: Stop
    note: Callable[[str], None] = lambda _: None
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free

    @contextmanager
    def hold(self, references: Sequence[Reference], view: Path) -> Iterator[Path]:
        """Make `view` a folder of links `<role>` to the references, which stay whole until the block ends."""
        view.mkdir(parents=True)
        with ExitStack() as held:
            # In one order everywhere, so that two jobs never wait for each other.
            for reference in sorted(references, key=lambda r: (r.name, r.version, r.role)):
                folder = held.enter_context(self._held(reference))
                (view / reference.role).symlink_to(folder)
            yield view

    @contextmanager
    def _held(self, reference: Reference) -> Iterator[Path]:
        folder = self.folder / reference.name / reference.version
        lock = os.open(
            self._lock_file(reference.name, reference.version), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            while True:
                self._lock(lock, fcntl.LOCK_SH, reference)
                if folder.is_dir():
                    break
                self._lock(lock, fcntl.LOCK_EX, reference)
                if not folder.is_dir():
                    self._fetch(reference, folder)
                # Going from LOCK_EX to LOCK_SH lets go for a moment, so look again.
            os.utime(lock)  # when it was last used
            yield folder
        finally:
            os.close(lock)

    def _lock_file(self, name: str, version: str) -> Path:
        locks = self.folder / ".locks" / name
        locks.mkdir(parents=True, exist_ok=True)
        return locks / version

    def _lock(self, lock: int, kind: int, reference: Reference) -> None:
        while True:
            try:
                return fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                self.note(f"waiting for another job that fetches {reference.name} {reference.version}")
                self.stop.wait(LOCK_POLL_S)
                self.stop.check()

    def _fetch(self, reference: Reference, folder: Path) -> None:
        """Called with the exclusive lock held, so whatever lies in the partial folder is a killed job's."""
        self.note(f"fetching {reference.name} {reference.version}")
        objects = self._list(reference)
        self._make_room(sum(o.source.size for o in objects), reference)
        arriving = self.folder / ".partial" / f"{reference.name}@{reference.version}"
        shutil.rmtree(arriving, ignore_errors=True)
        try:
            digests = download(objects, arriving, self.stop)
            self._compare(reference, digests, (arriving / SUMS).read_bytes())
            _make_read_only(arriving)
            folder.parent.mkdir(parents=True, exist_ok=True)
            arriving.rename(folder)
        finally:
            _remove(arriving)

    def _list(self, reference: Reference) -> list[BucketObject]:
        prefix = f"{reference.name}/{reference.version}/"
        where = f"s3://{self.bucket}/{prefix}"
        objects = []
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                key = entry["Key"]
                if key.endswith("/"):
                    continue
                try:
                    path = clean_path(key.removeprefix(prefix).encode(), Limits())
                except Refused as error:
                    raise Failed(f"{where}: {error.reason}", EX_CONFIG) from error
                source = S3Source(
                    self.s3, {"Bucket": self.bucket, "Key": key}, size=entry["Size"], etag=entry["ETag"]
                )
                objects.append(BucketObject(path=path, source=source))
        if not any(o.name == SUMS for o in objects):
            raise Failed(
                f"{where} has no {SUMS}: the reference is not there, or not whole yet; "
                "wait for its replication, or correct the version in the office file",
                EX_CONFIG,
            )
        return objects

    def _compare(self, reference: Reference, digests: dict[str, str], sums: bytes) -> None:
        name = f"reference {reference.name} {reference.version}"
        listed = _parse_sums(name, sums)
        found = {path: digest for path, digest in digests.items() if path != SUMS}
        faults = [f"{path} is listed but missing" for path in sorted(listed.keys() - found.keys())]
        faults += [f"{path} is not listed" for path in sorted(found.keys() - listed.keys())]
        faults += [
            f"{path} has SHA-256 {found[path]}, not {listed[path]}"
            for path in sorted(found.keys() & listed.keys())
            if found[path] != listed[path]
        ]
        if faults:
            more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
            raise Failed(
                f"{name} does not agree with its {SUMS}: {'; '.join(faults[:3])}{more};"
                " publish it again as a new version",
                EX_CONFIG,
            )

    def _make_room(self, needed: int, reference: Reference) -> None:
        """Evict what no job uses, the longest unused first, until the reference fits."""
        (self.folder / ".partial").mkdir(parents=True, exist_ok=True)
        locks = sorted((self.folder / ".locks").glob("*/*"), key=lambda path: path.stat().st_mtime)
        for lock_file in locks:
            if self.free_bytes(self.folder) >= needed + SPARE_BYTES:
                return
            self._evict(lock_file)
        free = self.free_bytes(self.folder)
        if free < needed + SPARE_BYTES:
            raise Failed(
                f"No space left on device: reference {reference.name} {reference.version} needs"
                f" {needed} bytes, {free} are free",
                EX_IOERR,
            )

    def _evict(self, lock_file: Path) -> None:
        lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # in use, or being fetched
        else:
            folder = self.folder / lock_file.parent.name / lock_file.name
            if folder.is_dir():
                doomed = self.folder / ".partial" / f"{lock_file.parent.name}@{lock_file.name}"
                _remove(doomed)
                folder.rename(doomed)  # at once, so that a kill half-way leaves no half version in its place
                _remove(doomed)
        finally:
            os.close(lock)


def _parse_sums(name: str, sums: bytes) -> dict[str, str]:
    """`<64 hex>  <path>` a line, as sha256sum prints it, in text or binary mode."""
    listed = {}
    for line in sums.decode("utf-8", "replace").splitlines():
        digest, separator, path = line[:64].lower(), line[64:66], line[66:]
        if separator not in ("  ", " *") or not path or set(digest) - set("0123456789abcdef"):
            raise Failed(
                f"{name}: its {SUMS} has a line that sha256sum does not write: {line[:80]!r}", EX_CONFIG
            )
        listed[path.removeprefix("./")] = digest
    return listed


def _make_read_only(folder: Path) -> None:
    """All jobs of the host share these files: none may change them by mistake."""
    for here, _, names in os.walk(folder):
        for name in names:
            Path(here, name).chmod(0o444)
    # The folders stay writable for their owner, or a rename and an eviction would need them changed back.


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
