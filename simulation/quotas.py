"""AWS's limits that a day of samples can meet, each with its source, and what to do where it bites.

Read in November 2026. Defaults of an account and region; those that are raised on request say so.
"""

from dataclasses import dataclass

from campaign.constants import constant_of
from handlers.rate import PER_WINDOW, WINDOW_MS

_GUIDE = "https://docs.aws.amazon.com"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """`limit` in `unit`; `ours`: the platform sets it itself, and by what."""

    name: str
    limit: float
    unit: str
    source: str
    remedy: str
    ours: bool = False


SUBMISSIONS = Quota(
    name="SubmitJob, as the platform paces it",
    limit=PER_WINDOW * 1000 / WINDOW_MS,
    unit="1/s",
    source="handlers/rate.py; AWS Batch takes 50 a second of an account"
    f" ({_GUIDE}/batch/latest/userguide/service_limits.html)",
    remedy="A burst waits in SQS. Array jobs (one SubmitJob for up to 10,000 samples), or a second account.",
    ours=True,
)
VCPUS = Quota(
    name="vCPUs of the office",
    limit=256,
    unit="vCPUs",
    source="Pulumi.<office>.yaml, globalbi:compute.maxVcpus (at most 10,000 by components/office.py)",
    remedy="Raise maxVcpus, and before it EC2's own quotas for Spot and on demand (5 in a new account).",
    ours=True,
)
EVENTS = Quota(
    name="EventBridge, events to targets",
    limit=4_500,
    unit="1/s",
    source=f"{_GUIDE}/eventbridge/latest/userguide/eb-quota.html (eu-central-1; 750 where not listed)",
    remedy="Delayed, not lost. Raised on request.",
)
PUT_EVENTS = Quota(
    name="EventBridge, PutEvents",
    limit=600,
    unit="1/s",
    source=f"{_GUIDE}/eventbridge/latest/userguide/eb-quota.html (ap-northeast-2, where headquarters is)",
    remedy="Raised on request; or ten events in a call.",
)
LAMBDA = Quota(
    name="Lambda, functions at once",
    limit=1_000,
    unit="at once",
    source=f"{_GUIDE}/lambda/latest/dg/gettingstarted-limits.html",
    remedy="Raised on request; a sample a second takes less than one.",
)
LEDGER_INDEX = Quota(
    name="DynamoDB, the key of the open runs",
    limit=1_000,
    unit="write units/s",
    source=f"{_GUIDE}/amazondynamodb/latest/developerguide/bp-partition-key-design.html (one partition)",
    remedy="Spread `open` over some keys (open#0 … open#9 by run id), and ask for all of them.",
)
FLEET_INDEX = Quota(
    name="DynamoDB, the key of a release at headquarters",
    limit=1_000,
    unit="write units/s",
    source=f"{_GUIDE}/amazondynamodb/latest/developerguide/bp-partition-key-design.html (one partition)",
    remedy="Indexes that hold keys instead of whole rows; a release's key by day.",
)
S3_READS = Quota(
    name="S3, reads of a prefix",
    limit=5_500,
    unit="1/s",
    source=f"{_GUIDE}/AmazonS3/latest/userguide/optimizing-performance.html",
    remedy="S3 splits by itself below project folders; larger parts than 16 MiB.",
)
S3_WRITES = Quota(
    name="S3, writes of a prefix",
    limit=3_500,
    unit="1/s",
    source=f"{_GUIDE}/AmazonS3/latest/userguide/optimizing-performance.html",
    remedy="S3 splits by itself below project folders.",
)
ECR = Quota(
    name="ECR, layers of images",
    limit=3_000,
    unit="1/s",
    source=f"{_GUIDE}/AmazonECR/latest/userguide/service-quotas.html (GetDownloadUrlForLayer)",
    remedy="An AMI that has the images; raised on request.",
)
IN_FLIGHT = Quota(
    name="SQS, messages in flight of a queue",
    limit=120_000,
    unit="messages",
    source=f"{_GUIDE}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
    remedy="Only what functions have in hand counts: ten for each.",
)
RECONCILE = Quota(
    name="reconcile, seconds of a pass",
    limit=constant_of("reconcile", "FUNCTION_TIMEOUT_S") - 20,
    unit="s",
    source="components/reconcile.py, handlers/reconcile.py (it stops with 20 s left)",
    remedy="A function for the open runs alone, by parts of the index; and S3 Inventory, or the ledger's own"
    " index of recent uploads, instead of a look at every upload that ever was.",
    ours=True,
)
ALL = (
    *(SUBMISSIONS, VCPUS, EVENTS, PUT_EVENTS, LAMBDA, LEDGER_INDEX, FLEET_INDEX),
    *(S3_READS, S3_WRITES, ECR, IN_FLIGHT, RECONCILE),
)
