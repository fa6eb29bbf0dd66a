"""A job's description, read from its environment. Every missing or wrong variable is told at once."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runner.outcome import EX_CONFIG, Failed

T = TypeVar("T")

_REFERENCE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Upload:
    bucket: str
    key: str
    version_id: str


@dataclass(frozen=True, kw_only=True)
class After:
    """The run whose results this one takes, and their place in the results bucket."""

    run_id: str
    prefix: str  # ends with a slash


@dataclass(frozen=True, kw_only=True)
class Members:
    """The list of the runs whose results this one takes, an object of the results bucket."""

    key: str
    sha256: str  # in hex


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One version of a reference; the pipeline sees its files at `$REFERENCES/<role>/`."""

    role: str
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Job:
    office: str
    run_id: str
    attempt: int
    pipeline: str
    pipeline_version: str
    release_digest: str
    project: str
    sample: str
    upload: Upload | None  # None: a cohort, of the results of its members
    results_bucket: str
    results_prefix: str  # ends with a slash
    references_bucket: str
    references: tuple[Reference, ...]
    ledger: str
    vcpus: int
    memory_mib: int
    region: str
    endpoint_url: str | None
    job_id: str
    scratch: Path
    command: tuple[str, ...]
    after: After | None = None
    members: Members | None = None


class _Variables:
    """Reads typed variables and gathers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def text(self, name: str, rule: str = "", pattern: str = r".+") -> str:
        value = self._environ.get(name, "")
        if not value:
            self.faults.append(f"{name} is missing")
        elif not re.fullmatch(pattern, value, re.DOTALL):
            self.faults.append(f"{name} must be {rule}, not {value!r}")
        return value

    def number(self, name: str) -> int:
        value = self.text(name, "a whole number of 1 or more", r"0*[1-9][0-9]{0,8}")
        return int(value) if value.isascii() and value.isdigit() else 0

    def parsed(self, name: str, parse: Callable[[str], tuple[T, ...]]) -> tuple[T, ...]:
        value = self.text(name)
        try:
            return parse(value) if value else ()
        except ValueError as error:
            self.faults.append(f"{name} {error}")
            return ()


def job_from(environ: Mapping[str, str]) -> Job:
    """Raises `Failed` (78) that names every variable at fault."""
    read = _Variables(environ)
    members = _members(environ, read)
    job = Job(
        office=read.text("OFFICE"),
        run_id=read.text("RUN_ID", "r and 32 hex digits", r"r[0-9a-f]{32}"),
        attempt=read.number("ATTEMPT"),
        pipeline=read.text("PIPELINE"),
        pipeline_version=read.text("PIPELINE_VERSION"),
        release_digest=read.text("RELEASE_DIGEST", "an image digest (sha256:…)", r"sha256:[0-9a-f]{64}"),
        project=read.text("PROJECT"),
        sample=read.text("SAMPLE"),
        upload=None if members else _upload(read),
        results_bucket=read.text("RESULTS_BUCKET"),
        results_prefix=read.text("RESULTS_PREFIX", "a prefix that ends with /", r"[^/].*/"),
        references_bucket=read.text("REFERENCES_BUCKET"),
        references=read.parsed("REFERENCES", _references),
        ledger=read.text("LEDGER"),
        vcpus=read.number("VCPUS"),
        memory_mib=read.number("MEMORY_MIB"),
        region=read.text("AWS_REGION"),
        endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
        job_id=read.text("AWS_BATCH_JOB_ID", "letters, digits, - and _", r"[A-Za-z0-9][A-Za-z0-9_:#-]*"),
        scratch=Path(environ.get("SCRATCH") or "/scratch"),
        command=read.parsed("PIPELINE_COMMAND", _command),
        after=_after(environ, read),
        members=members,
    )
    if read.faults:
        raise Failed(f"the job's environment is not usable: {'; '.join(read.faults)}", EX_CONFIG)
    return job


def _upload(read: _Variables) -> Upload:
    return Upload(
        bucket=read.text("UPLOADS_BUCKET"),
        key=read.text("UPLOAD_KEY"),
        version_id=read.text("UPLOAD_VERSION_ID"),
    )


def _members(environ: Mapping[str, str], read: _Variables) -> Members | None:
    """None: this run is of an upload."""
    if not environ.get("MEMBERS_KEY"):
        return None
    return Members(
        key=read.text("MEMBERS_KEY"), sha256=read.text("MEMBERS_SHA256", "64 hex digits", r"[0-9a-f]{64}")
    )


def _after(environ: Mapping[str, str], read: _Variables) -> After | None:
    """None: this run takes no other's results."""
    if not environ.get("AFTER_PREFIX"):
        return None
    return After(
        run_id=read.text("AFTER_RUN_ID", "r and 32 hex digits", r"r[0-9a-f]{32}"),
        prefix=read.text("AFTER_PREFIX", "a prefix that ends with /", r"[^/].*/"),
    )


def command_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The image's PIPELINE_COMMAND."""
    read = _Variables(environ)
    command = read.parsed("PIPELINE_COMMAND", _command)
    if read.faults:
        raise Failed("; ".join(read.faults), EX_CONFIG)
    return command


def _command(value: str) -> tuple[str, ...]:
    words = tuple(shlex.split(value))
    if not words:
        raise ValueError("must be a command")
    return words


def _references(value: str) -> tuple[Reference, ...]:
    """`{"role": ["name", "version"]}`; each part becomes a folder's name, so it may not lead anywhere."""
    try:
        roles = json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"must be JSON: {error}") from None
    if not isinstance(roles, dict):
        raise ValueError('must be an object {"role": ["name", "version"]}')
    found = []
    for role, pinned in roles.items():
        parts = [role, *pinned] if isinstance(pinned, list) else [role]
        if len(parts) != 3 or not all(isinstance(p, str) and _REFERENCE_PART.fullmatch(p) for p in parts):
            raise ValueError(
                f"must give each role a name and a version of letters, digits, . _ -: {role!r} has {pinned!r}"
            )
        found.append(Reference(role=parts[0], name=parts[1], version=parts[2]))
    return tuple(found)
