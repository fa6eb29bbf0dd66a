"""What a function has at hand: its office, AWS's clients, time and chance.

The entry points build a `Context` once from the environment; everything below takes it as an argument, so
that the same code runs in Lambda, on the twin and in a simulation with its own time.
"""

import functools
import json
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from handlers.agreement import Agreement, agreements_from_json
from handlers.allowance import Allowance, allowance_from_json
from handlers.cost import Prices, prices_from_json
from handlers.release import Release, releases_from_json

# Work on a record is not begun with less than this left: a function that times out in the middle of a batch
# gives the whole batch back, done or not.
LEAST_S_FOR_A_RECORD = 10.0

DEFAULT_BUDGETS: Mapping[str, int] = {
    "spot": 3, "memory": 3, "disk": 2, "pull": 3, "throttling": 5, "host": 3, "timeout": 1, "unknown": 1,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Office:
    """The office whose functions these are, by the names of its resources."""

    name: str
    ledger: str
    uploads: str
    results: str
    references: str
    job_queue: str
    on_demand_job_queue: str
    releases: Mapping[str, Release]
    budgets: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_BUDGETS))
    pseudonymous: bool = False
    agreements: Sequence[Agreement] = ()  # on deliveries to partners
    passport_key: str = ""  # signs passports; only those who follow a run to its end have it
    prices: Prices | None = None  # for estimates
    quiet_s: float = 3600.0  # without a new result, until a project's cohort starts
    allowance: Allowance = field(default_factory=Allowance)  # of projects


@dataclass(frozen=True, kw_only=True)
class Clients:
    """`submit` is for SubmitJob alone: it has no client token, so botocore must not repeat it."""

    s3: Any
    dynamodb: Any
    batch: Any
    submit: Any
    events: Any
    kms: Any


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything a handler needs besides its event. `clock` and `deadline` are epoch seconds."""

    office: Office
    clients: Clients
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)
    token: Callable[[], str] = field(default=lambda: secrets.token_hex(32))
    deadline: float = float("inf")
    counts: Counter[str] = field(default_factory=Counter)  # metrics of this invocation, by name
    seen: dict[str, float] = field(default_factory=dict)  # metrics of how things stand, by name

    @property
    def now(self) -> str:
        return iso(self.clock())

    def time_left(self) -> float:
        """Seconds until work must stop, so that the function can still answer."""
        return self.deadline - self.clock()

    def until(self, lambda_context: Any) -> "Context":
        """This context for one invocation: its deadline, and counts that start at zero."""
        left = lambda_context.get_remaining_time_in_millis() / 1000 if lambda_context is not None else 60.0
        return replace(self, deadline=self.clock() + left, counts=Counter(), seen={})


def iso(epoch_s: float) -> str:
    """ISO 8601 in UTC with milliseconds; sorts as text."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(iso: str) -> float:
    """Epoch seconds of a time as `iso` writes it."""
    return datetime.fromisoformat(iso).timestamp()


def office_of(environ: Mapping[str, str]) -> Office:
    """The office that a function's environment describes; `KeyError` names a variable that is missing."""
    return Office(
        name=environ["OFFICE"],
        ledger=environ["LEDGER"],
        uploads=environ["UPLOADS"],
        results=environ["RESULTS"],
        references=environ["REFERENCES"],
        job_queue=environ["JOB_QUEUE"],
        on_demand_job_queue=environ["ON_DEMAND_JOB_QUEUE"],
        releases=releases_from_json(environ["RELEASES"]),
        budgets={**DEFAULT_BUDGETS, **json.loads(environ.get("RETRIES") or "{}")},
        pseudonymous=environ.get("IDENTIFIERS", "plain") == "pseudonymous",
        agreements=agreements_from_json(environ.get("DELIVERIES", "")),
        passport_key=environ.get("PASSPORT_KEY", ""),
        prices=prices_from_json(environ.get("PRICES", "")),
        allowance=allowance_from_json(environ.get("BUDGETS", "")),
        quiet_s=60.0 * float(environ.get("QUIET_MINUTES") or 60),
    )


_PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=4,
)
_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=20)


def clients_of(session: Any) -> Clients:
    """Clients with the retry rules this project relies on."""
    return Clients(
        s3=session.client("s3", config=_PATIENT),
        dynamodb=session.client("dynamodb", config=_PATIENT),
        batch=session.client("batch", config=_PATIENT),
        submit=session.client("batch", config=_ONCE),
        events=session.client("events", config=_PATIENT),
        kms=session.client("kms", config=_PATIENT),
    )


@functools.cache
def office_context() -> Context:
    """The context of this Lambda environment, built at its first event."""
    return Context(office=office_of(os.environ), clients=clients_of(boto3.session.Session()))
