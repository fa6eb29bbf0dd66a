"""A run and its attempts: one upload analysed by one release, as the ledger holds it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from handlers.keys import Sample
from handlers.release import Request, release_id

RECEIVED, SUBMITTED, RUNNING = "received", "submitted", "running"
SUCCEEDED, FAILED, REJECTED, SUPERSEDED = "succeeded", "failed", "rejected", "superseded"
ERASED = "erased"  # its data and names are gone; what is left counts and says when (`handlers.erasure`)
TERMINAL = frozenset({SUCCEEDED, FAILED, REJECTED, SUPERSEDED, ERASED})
_RANK = {RECEIVED: 0, SUBMITTED: 1, RUNNING: 2}

SPOT, ON_DEMAND = "spot", "on-demand"
MEMBERS = "members.json"  # below a cohort's prefix


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One AWS Batch job of a run. Times are ISO 8601, `not_before` is epoch seconds."""

    number: int
    queue: str
    vcpus: int
    memory_mib: int
    scratch_gib: int
    time_limit_s: int
    not_before: int = 0
    job_id: str | None = None
    submitted: str | None = None
    started: str | None = None
    ended: str | None = None
    failure: str | None = None  # the class of failure
    reason: str | None = None  # as AWS Batch words it
    decision: str | None = None  # what was decided then, in words
    instance: str | None = None  # its type; None: the runner did not say, or has not begun
    market: str | None = None  # how that was bought, as the instance metadata service words it
    instance_id: str | None = None  # which one it was; attempts on the same one at once were neighbours

    @property
    def request(self) -> Request:
        return Request(
            vcpus=self.vcpus,
            memory_mib=self.memory_mib,
            scratch_gib=self.scratch_gib,
            time_limit_s=self.time_limit_s,
        )


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the runner said of the end of an attempt."""

    attempt: int
    code: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Host:
    """The instance that the runner noted with the lease of an attempt: its type, how it was bought, and its
    id; None: an older runner or instance, which does not tell it.
    """

    attempt: int
    instance: str
    market: str
    instance_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Predecessor:
    """The run whose results a follow-on run takes, and where the reads are that it analysed."""

    pipeline: str
    run_id: str
    prefix: str  # of its results
    upload_key: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What the first attempt's share of an instance will cost, in US dollars; made before it runs.

    `low` to `high`: from the cheapest family on Spot to the dearest on demand, for the time that such runs
    take; None while too few have finished. `most`: on demand until the time limit. `seconds` and `runs`: that
    time, and how many finished runs it is from.
    """

    low: float | None
    high: float | None
    most: float
    seconds: int | None
    runs: int
    prices_of: str  # the day that the prices are of


@dataclass(frozen=True, kw_only=True)
class Members:
    """The runs whose results a cohort takes: of which pipeline, and how many (`handlers.cohort`)."""

    pipeline: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """That what made a run, or what it was made of, turned out to be bad. `at` is ISO 8601."""

    id: str
    what: str  # an image's digest, a reference's version or an upload, in words
    why: str
    next: str  # what happens now, in words
    at: str


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run's state. `revision` grows by one with each transition; `announced` the last one told.

    Of a cohort, `bucket` and `version_id` are its list of members: the results bucket, and the SHA-256.
    """

    run_id: str
    sample: Sample
    bucket: str
    version_id: str
    sequencer: str | None
    size: int
    content: str
    uploaded: str
    release_digest: str
    pipeline_version: str
    job_definition: str
    references: Mapping[str, tuple[str, str]]
    attempts: tuple[Attempt, ...]
    state: str = RECEIVED
    revision: int = 1
    announced: int = 0
    message: str = ""
    what_to_do: str | None = None
    times: Mapping[str, str] = field(default_factory=dict)
    updated: str = ""
    report: str | None = None
    said: Said | None = None
    host: Host | None = None
    turn_expires: int = 0  # until then, whoever took the turn may submit the current attempt
    lease_expires: int = 0
    after: Predecessor | None = None
    members: Members | None = None
    recall: Recalled | None = None
    # Succeeded, and it is not certain yet that its follow-on runs are claimed and its deliveries planned.
    follow_due: bool = False
    passport_due: bool = False  # succeeded, and it is not certain yet that its passport is there
    estimate: Estimate | None = None
    # What the attempt that published sent, left and took: bytes of results (`output_bytes`), requests by
    # operation (`s3:PutObject`), and what of `manifest.MEASURED` is known.
    used: Mapping[str, int] | None = None
    peak_mib: int | None = None  # the most memory that attempt used
    held: str | None = (
        None  # the month whose budget has no room for it: it waits for a person, or the next one
    )
    charged: str | None = None  # the month whose budget counts it (`handlers.budget`)
    # Known while it succeeds: how many bytes of its results a cohort of its project takes; 0 is none.
    shared: int = 0

    @property
    def attempt(self) -> Attempt:
        """The current one: the last."""
        return self.attempts[-1]

    @property
    def release(self) -> str:
        """The id of the release that makes the results: the image's digest with the references' versions."""
        return release_id(self.release_digest, self.references)

    @property
    def results_prefix(self) -> str:
        return f"{self.sample.folder}{self.run_id}/"

    @property
    def upload_key(self) -> str:
        """Where the reads are: a follow-on run's are its predecessor's; a cohort's input is its list."""
        if self.members:
            return f"{self.results_prefix}{MEMBERS}"
        return self.after.upload_key if self.after else self.sample.key

    @property
    def taken(self) -> str:
        """What this run was made of, as the sample's item names it: a version (of an upload, or a cohort's
        list of members), or a predecessor's run.
        """
        return self.after.run_id if self.after else self.version_id

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    def job_name(self, number: int | None = None) -> str:
        return f"{self.run_id}-{number or self.attempt.number}"

    def said_of(self, number: int) -> Said | None:
        return self.said if self.said and self.said.attempt == number else None

    def moved(self, state: str, now: str, **changes: Any) -> "Run":
        """This run one revision later, in `state`.

        What the runner has noted of its instance goes to the attempt only now: what a revision says of a run
        never changes afterwards, and headquarters is compared with it.
        """
        attempts = changes.pop("attempts", self.attempts)
        return replace(
            self,
            state=state,
            revision=self.revision + 1,
            updated=now,
            times={**self.times, state: now},
            attempts=tuple(_placed(each, self.host) for each in attempts),
            **changes,
        )

    def with_attempt(self, number: int, **changes: Any) -> tuple[Attempt, ...]:
        """The attempts with one of them changed."""
        return tuple(replace(each, **changes) if each.number == number else each for each in self.attempts)

    def is_ahead_of(self, state: str) -> bool:
        """Whether the current attempt has come as far as `state` already."""
        return self.terminal or _RANK[self.state] >= _RANK[state]


def _placed(attempt: Attempt, host: Host | None) -> Attempt:
    if host is None or host.attempt != attempt.number:
        return attempt
    return replace(attempt, instance=host.instance, market=host.market, instance_id=host.instance_id)


def run_id_of(bucket: str, key: str, version_id: str, release: str) -> str:
    """The same upload under the same release (`Release.id`) always gives the same run."""
    identity = json.dumps([bucket, key, version_id, release])
    return "r" + hashlib.sha256(identity.encode()).hexdigest()[:32]
