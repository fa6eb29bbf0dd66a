"""One office's AWS account in the simulation: what its clients reach, and the faults on the way.

A request that nothing befalls is answered before the wire (botocore's `before-call`), which saves most of its
cost. Every request that meets a fault, and every answer that is an error, goes through the whole client, its
retries and its parsing. `wire=True` sends all of them that way; the outcome is the same, and a test compares
the two.
"""

import base64
import hashlib
import json
from bisect import bisect_left, insort
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import boto3
import botocore.endpoint
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries import quota
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString

from campaign.dynamodb import Refused, Table
from campaign.rates import Rates
from campaign.simulation import Killed, Simulation
from handlers.context import Clients, Context, Office, clients_of
from handlers.release import Linear, Release
from tests.handlers import aws_fakes
from tests.handlers.aws_fakes import World

# Seconds a request takes until AWS acts on it. Short of this, calls of functions at work at once could not
# come between each other.
LATENCY_S = {
    "dynamodb": (0.004, 0.015),
    "s3": (0.015, 0.06),
    "batch": (0.04, 0.15),
    "eventbridge": (0.01, 0.04),
}
READ_TIMEOUT_SHARE = 0.1  # of lost replies: the connection hangs until the client's time-out
READ_TIMEOUT_S = 10.0
STATUS = "/status.json"


@dataclass(kw_only=True)
class Life:
    """What befalls one invocation or container: `kill_at` counts its requests."""

    name: str
    kill_at: int = 0
    kill_after: bool = False
    deadline: float = float("inf")
    requests: int = 0
    # A process has its own clients, and each client its own quota of retries. Clients are shared here, because
    # making them takes longer than a container's whole story.
    quotas: dict[int, RetryQuota] = field(default_factory=dict)


@dataclass(frozen=True)
class _Request:
    """A request before the wire, in the shape of one on it."""

    url: str
    headers: Any
    body: Any


@dataclass(frozen=True)
class _Done:
    status_code: int = 200


_lives: dict[Any, Life] = {}  # by task


class Account(World):
    """An office's resources, and clients for its functions and its containers."""

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        account: str,
        region: str,
        *,
        rates: Rates,
        seed: int | str,
        wire: bool = False,
    ) -> None:
        self.simulation, self.name, self.account, self.region = simulation, name, account, region
        self.rates, self.wire, self.seed = rates, wire, seed
        self.chance = Random(f"{seed} {name} requests")
        self.latency = Random(f"{seed} {name} latency")
        self.table = Table()
        self.keys: dict[str, list[str]] = {}  # of each bucket, sorted
        self.lives = _lives
        self.foreign: list[str] = []
        self.trace = hashlib.sha256()
        self.requests: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()
        self._first: dict[Any, tuple[str, Any]] = {}
        self._tokens: dict[str, Any] = {}
        self.faultless = False
        super().__init__()
        self.office = _office(name, account, region)
        self.batch: Any = None  # set by the campaign: see batch.Batch

    # --- the clock is the simulation's -------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.simulation.now

    @now.setter
    def now(self, value: float) -> None:
        """Only the simulation moves it."""

    def sleep(self, seconds: float) -> None:
        self.simulation.sleep(seconds)

    def context_until(self, deadline: float, seed: str) -> Context:
        return Context(
            office=self.office,
            clients=self.clients,
            clock=lambda: self.simulation.now,
            sleep=self.simulation.sleep,
            chance=Random(f"{self.seed} {self.name} {seed}"),
            token=lambda: "k" * 64,
            deadline=deadline,
        )

    # --- clients ------------------------------------------------------------------------------------------

    def _clients(self) -> Clients:
        return clients_of(self.session())

    def session(self) -> Any:
        session = botocore.session.get_session()
        session.register_component("data_loader", aws_fakes._LOADER)
        session.set_credentials("AKIDEXAMPLE", "secret")
        if not self.wire:
            session.register("before-call", self._before_wire)
        session.register("before-send", self._answer)
        return boto3.session.Session(botocore_session=session, region_name=self.region)

    def _before_wire(self, params: Any, event_name: str, **_: Any) -> Any:
        _, service, operation = event_name.split(".")
        task = self.simulation.task
        fate = self._fate(service, operation)
        request = _Request(params["url"], params["headers"], params["body"] or b"")
        answer = self._meet(fate, request, service, operation)
        if answer is not None:
            parsed = _parsed(service, operation, *answer)
            if parsed is not None:
                return _Done(), parsed
        self._first[task] = (fate, answer)
        return None

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        first = self._first.pop(self.simulation.task, None)
        if first is None:
            fate = self._fate(service, operation)
            answer = self._meet(fate, request, service, operation)
        else:
            fate, answer = first
        if answer is None:
            if fate == "lost":
                if self.latency.random() < READ_TIMEOUT_SHARE:
                    self.simulation.sleep(READ_TIMEOUT_S)
                    raise ReadTimeoutError(endpoint_url=request.url)
                raise ConnectionClosedError(endpoint_url=request.url)
            if fate == "throttled":
                code = {"s3": "SlowDown", "batch": "TooManyRequestsException"}.get(
                    service, "ThrottlingException"
                )
                status = {"s3": 503, "batch": 429}.get(service, 400)
                answer = aws_fakes._error(service, status, code)
            else:
                answer = aws_fakes._error(service, 500, "InternalError")
        return self._response(request, service, *answer)

    def _fate(self, service: str, operation: str) -> str:
        rates, roll = self.rates, self.chance.random()
        for name in ("throttled", "lost", "failed", "failed_after"):
            share = getattr(rates, name)
            if roll < share:
                return name
            roll -= share
        if operation == "TransactWriteItems" and self.chance.random() < rates.conflicts:
            return "conflict"
        return ""

    def _meet(self, fate: str, request: Any, service: str, operation: str) -> Any:
        """The answer, or None when the client gets none of it. Kills the caller when its time has come."""
        life = self.lives.get(self.simulation.task)
        self.simulation.sleep(self.latency.uniform(*LATENCY_S[service]))
        self.requests[f"{service}:{operation}"] += 1
        name = life.name if life else "-"
        self.trace.update(f"{self.simulation.now:.4f} {name} {service}.{operation} {fate}\n".encode())
        kill = False
        if life is not None:
            life.requests += 1
            kill = life.requests == life.kill_at
            if self.simulation.now >= life.deadline:
                self.fates["timed out"] += 1
                raise Killed("the function's time-out")
            if kill and not life.kill_after:
                raise Killed(f"before {operation}")
        if fate:
            self.fates[fate] += 1
        if operation == "SubmitJob":
            self.batch.arrived()
        answer = None
        if fate == "conflict":
            answer = self._refusal(
                Refused("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}])
            )
        elif fate not in ("throttled", "failed"):
            answer = self._perform(request, service, operation)
        if kill:
            raise Killed(f"after {operation}")
        return None if fate in ("lost", "failed_after") else answer

    # --- services -----------------------------------------------------------------------------------------

    def _perform(self, request: Any, service: str, operation: str) -> tuple[int, dict[str, str], bytes]:
        if service == "s3":
            bucket = aws_fakes._where(request.url)[0]
            if not self._owns(
                bucket in (self.office.uploads, self.office.results, self.office.references),
                operation,
                bucket,
            ):
                return aws_fakes._error("s3", 403, "AccessDenied")
            answer: tuple[int, dict[str, str], bytes] = getattr(self, f"_s3_{operation}")(request)
            return answer
        data = json.loads(request.body or b"{}")
        if service == "dynamodb":
            return self._dynamo_raw(operation, data)
        result = getattr(self, f"_{service}_{operation}")(data)
        if isinstance(result, tuple):
            return aws_fakes._error(service, *result)
        return 200, {"content-type": "application/json"}, result

    def _owns(self, own: bool, operation: str, what: str) -> bool:
        if not own:
            self.foreign.append(f"{self.name}: {operation} on {what}")
        return own

    def _response(self, request: Any, service: str, status: int, headers: Any, body: Any) -> AWSResponse:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return super()._response(request, service, status, headers, body)

    # DynamoDB

    def _dynamo_raw(self, operation: str, data: dict[str, Any]) -> Any:
        tables = {
            write["TableName"] for each in data.get("TransactItems", []) for write in each.values()
        } or {data["TableName"]}
        for table in tables:
            if not self._owns(table == self.office.ledger, operation, table):
                return aws_fakes._error("dynamodb", 400, "AccessDeniedException")
        token = data.get("ClientRequestToken")
        if token and token in self._tokens:
            return 200, {}, self._tokens[token]
        try:
            answer = self.table.answer(operation, data)
        except Refused as refused:
            return self._refusal(refused)
        if token:
            self._tokens[token] = answer
        return 200, {"content-type": "application/x-amz-json-1.0"}, answer

    @staticmethod
    def _refusal(refused: Refused) -> Any:
        body = {"__type": refused.code, "message": refused.code, **refused.more}
        return 400, {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": refused.code}, body

    def _dynamo(self, operation: str, data: dict[str, Any]) -> Any:
        return self.table.answer(operation, data)

    # Batch and EventBridge

    def _batch_SubmitJob(self, data: dict[str, Any]) -> Any:  # noqa: N802
        environment = {each["name"]: each["value"] for each in data["containerOverrides"]["environment"]}
        office = self.office
        right = (
            data["jobQueue"] in (office.job_queue, office.on_demand_job_queue)
            and environment["OFFICE"] == office.name
            and environment["LEDGER"] == office.ledger
            and environment["UPLOADS_BUCKET"] == office.uploads
            and environment["RESULTS_BUCKET"] == office.results
        )
        if not self._owns(right, "SubmitJob", data["jobQueue"]):
            return 403, "AccessDeniedException"
        return self.batch.submit(data, environment)

    def _batch_ListJobs(self, data: dict[str, Any]) -> Any:  # noqa: N802
        return self.batch.listed(data)

    def _batch_DescribeJobs(self, data: dict[str, Any]) -> Any:  # noqa: N802
        return self.batch.described(data["jobs"])

    def _batch_TerminateJob(self, data: dict[str, Any]) -> Any:  # noqa: N802
        self._owns(data["jobId"] in self.batch.jobs, "TerminateJob", data["jobId"])
        return self.batch.terminate(data["jobId"], data["reason"])

    def _eventbridge_PutEvents(self, data: dict[str, Any]) -> Any:  # noqa: N802
        for entry in data["Entries"]:
            self.batch.bus(
                {
                    "version": "0",
                    "source": entry["Source"],
                    "detail-type": entry["DetailType"],
                    "account": self.account,
                    "region": self.region,
                    "detail": json.loads(entry["Detail"]),
                }
            )
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in data["Entries"]]}

    # S3

    def put(self, bucket: str, key: str, body: bytes, **changes: Any) -> aws_fakes.Version:
        if (bucket, key) not in self.objects:
            insort(self.keys.setdefault(bucket, []), key)
        version = super().put(bucket, key, body, **changes)
        if key.endswith(STATUS):
            del self.objects[(bucket, key)][:-1]  # nobody reads old ones, and they are most of the memory
        return version

    def _s3_PutObject(self, request: Any) -> Any:  # noqa: N802
        status, headers, body = super()._s3_PutObject(request)
        if status == 200:
            bucket, key, _ = aws_fakes._where(request.url)
            sha256 = aws_fakes._header(request, "x-amz-checksum-sha256")
            if sha256:
                self.objects[(bucket, key)][-1].checksums["SHA256"] = sha256
        return status, headers, body

    def _with_prefix(self, bucket: str, prefix: str) -> list[str]:
        keys, found = self.keys.get(bucket, []), []
        for key in keys[bisect_left(keys, prefix) :]:
            if not key.startswith(prefix):
                break
            found.append(key)
        return found

    def _s3_ListObjectsV2(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = aws_fakes._where(request.url)
        found = "".join(
            f"<Contents><Key>{aws_fakes.escape(aws_fakes.urllib.parse.quote(key))}</Key>"
            f"<Size>{len(self.objects[(bucket, key)][-1].body)}</Size></Contents>"
            for key in self._with_prefix(bucket, query.get("prefix", ""))
        )
        return aws_fakes._xml(f"<ListBucketResult><EncodingType>url</EncodingType>{found}</ListBucketResult>")

    def _s3_ListObjectVersions(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = aws_fakes._where(request.url)
        after, most = query.get("key-marker", ""), int(query.get("max-keys", 1000))
        keys = self.keys.get(bucket, [])
        start = bisect_left(keys, after + "\0") if after else 0
        rows: list[dict[str, Any]] = []
        last, more = "", False
        for key in keys[start:]:
            if len(rows) >= most:
                more = True
                break
            last = key
            for index, version in enumerate(reversed(self.objects[(bucket, key)])):
                rows.append(
                    {
                        "Key": key,
                        "VersionId": version.version_id,
                        "IsLatest": index == 0,
                        "LastModified": int(version.modified),
                        "ETag": version.etag,
                        "Size": len(version.body),
                    }
                )
        answer = {"IsTruncated": more, "Versions": rows}
        if more:
            answer["NextKeyMarker"] = last
        return 200, {"content-type": "application/xml"}, _Listing(answer).encode()


class _Listing:
    """ListObjectVersions' answer: as XML on the wire."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def encode(self) -> bytes:
        quote, escape = aws_fakes.urllib.parse.quote, aws_fakes.escape
        body = "".join(
            f"<Version><Key>{escape(quote(row['Key']))}</Key><VersionId>{row['VersionId']}</VersionId>"
            f"<IsLatest>{str(row['IsLatest']).lower()}</IsLatest>"
            f"<LastModified>{datetime.fromtimestamp(row['LastModified'], UTC):%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{row['ETag']}</ETag><Size>{row['Size']}</Size></Version>"
            for row in self.answer["Versions"]
        )
        marker = self.answer.get("NextKeyMarker")
        more = f"<NextKeyMarker>{escape(quote(marker))}</NextKeyMarker>" if marker else ""
        return (
            f'<?xml version="1.0"?><ListVersionsResult><EncodingType>url</EncodingType>'
            f"<IsTruncated>{str(self.answer['IsTruncated']).lower()}</IsTruncated>{more}{body}</ListVersionsResult>"
        ).encode()


def _parsed(service: str, operation: str, status: int, headers: dict[str, str], body: Any) -> Any:
    """What botocore would make of the answer; None when that is better left to botocore."""
    if status != 200:
        return None
    meta = {"HTTPStatusCode": 200, "RetryAttempts": 0}
    if service != "s3":
        return {**body, "ResponseMetadata": meta}
    match operation:
        case "PutObject":
            return {
                "ETag": headers["ETag"],
                "VersionId": headers["x-amz-version-id"],
                "ResponseMetadata": meta,
            }
        case "HeadObject" | "GetObject":
            parsed: dict[str, Any] = {
                "ContentLength": int(headers["Content-Length"]),
                "ETag": headers["ETag"],
                "VersionId": headers["x-amz-version-id"],
                "LastModified": datetime.strptime(
                    headers["Last-Modified"], "%a, %d %b %Y %H:%M:%S GMT"
                ).replace(tzinfo=UTC),
                "ResponseMetadata": meta,
            }
            for name, value in headers.items():
                if name.startswith("x-amz-checksum-"):
                    kind = name.removeprefix("x-amz-checksum-")
                    parsed["ChecksumType" if kind == "type" else f"Checksum{kind.upper()}"] = value
            if operation == "GetObject":
                parsed["Body"] = aws_fakes._Raw(body)
            return parsed
    return None


def make_clients_cheap(simulation: Simulation) -> None:
    """What costs time and changes nothing here: signatures, the user agent. Waits pass in virtual time."""

    class Time:
        time = staticmethod(lambda: simulation.now)
        sleep = staticmethod(simulation.sleep)

    class QuotaOfProcess(RetryQuota):
        """The quota of the process that calls."""

        def _own(self) -> RetryQuota:
            life = _lives.get(simulation.task)
            return RetryQuota() if life is None else life.quotas.setdefault(id(self), RetryQuota())

        def acquire(self, capacity_amount: int) -> bool:
            return bool(self._own().acquire(capacity_amount))

        def release(self, capacity_amount: int) -> None:
            self._own().release(capacity_amount)

    quota.RetryQuota = QuotaOfProcess  # type: ignore[misc]
    botocore.endpoint.time = Time
    RequestSigner.sign = lambda self, *_, **__: None  # type: ignore[method-assign]
    UserAgentString.to_string = lambda self: "campaign"  # type: ignore[method-assign]


def content_checksum(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _office(name: str, account: str, region: str) -> Office:
    queue = f"arn:aws:batch:{region}:{account}:job-queue/globalbi-{name}"
    release = Release(
        pipeline="metagenome",
        version="0.1.0",
        digest="sha256:" + "a" * 64,
        job_definition=f"arn:aws:batch:{region}:{account}:job-definition/globalbi-{name}-metagenome:3",
        references={"kraken2": ("demo-kraken2", "2026.1"), "host": ("demo-host", "2026.1")},
        vcpus=4,
        memory_mib=Linear(base=6000, per_gib=1500),
        max_memory_mib=31000,
        scratch_gib=Linear(base=20, per_gib=6),
        time_limit_minutes=Linear(base=60, per_gib=60),
    )
    return Office(
        name=name,
        ledger=f"globalbi-{name}-ledger",
        uploads=f"globalbi-{name}-uploads-{account}",
        results=f"globalbi-{name}-results-{account}",
        references=f"globalbi-{name}-references-{account}",
        job_queue=f"{queue}-spot",
        on_demand_job_queue=f"{queue}-on-demand",
        releases={release.pipeline: release},
    )
