"""The two AWS clients of a job."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from runner.transfer import THREADS

# Standard mode backs off with jitter on throttling, 5xx and broken connections: 10 tries are about two
# minutes.
ATTEMPTS = 10


@dataclass(frozen=True, kw_only=True)
class Clients:
    s3: Any
    dynamodb: Any


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
    return Clients(
        s3=session.client(
            "s3", endpoint_url=endpoint_url, config=config.merge(Config(signature_version="s3v4"))
        ),
        dynamodb=session.client("dynamodb", endpoint_url=endpoint_url, config=ledger_config),
    )
