"""The two AWS clients of a job, and how many requests they have made."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from runner.transfer import THREADS

# Standard mode backs off with jitter on throttling, 5xx and broken connections: 10 tries are about two
# minutes.
ATTEMPTS = 10


class Requests:
    """Counts what is sent, repetitions too, by operation: `s3:PutObject`. AWS bills each."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()
        self._lock = threading.Lock()

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-send", self._sent)

    def made(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._made.items()))

    def _sent(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self._made[event_name.removeprefix("before-send.").replace(".", ":")] += 1


@dataclass(frozen=True, kw_only=True)
class Clients:
    s3: Any
    dynamodb: Any
    requests: Requests = field(default_factory=Requests)


def clients(region: str, endpoint_url: str | None, session: boto3.session.Session | None = None) -> Clients:
    """Clients of the region's S3 and DynamoDB, or of the endpoint when one is given."""
    config = Config(
        signature_version="v4",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=THREADS + 4,
        # We give SHA-256 with each put and check each file ourselves; a second checksum would only cost CPU.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = session or boto3.session.Session(region_name=region)
    # The ledger answers in milliseconds; a call that hangs must not eat the lease (60 s).
    ledger_config = config.merge(Config(read_timeout=5))
    made = Clients(
        s3=session.client(
            "s3", endpoint_url=endpoint_url, config=config.merge(Config(signature_version="s3v4"))
        ),
        dynamodb=session.client("dynamodb", endpoint_url=endpoint_url, config=ledger_config),
    )
    for client in (made.s3, made.dynamodb):
        made.requests.watch(client)
    return made
