"""One office's AWS account in the simulation: what its clients reach, and the faults on the way.

A call that nothing befalls is answered before it becomes a request, which saves most of its cost. Every call
that meets a fault, and every answer that is an error, goes through the whole client: serialisation, retries,
parsing. `wire=True` sends all of them that way; the trace is the same, and a test compares the two.
"""

import base64
import hashlib
import json
import urllib.parse
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any
from unittest import mock
from xml.sax.saxutils import escape

import boto3
import botocore.endpoint
import botocore.session
import runner.aws
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.retries import quota
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString

from campaign.dynamodb import Refused, Table
from campaign.meter import Meter
from campaign.partner import Partner
from campaign.rates import Rates
from campaign.simulation import Killed, Simulation
from handlers.context import Clients, Context, Office, clients_of
from handlers.cost import Family, Prices
from handlers.delivery import unhurried_clients
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
    "kms": (0.005, 0.03),
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
    hang_at: int = 0  # the request whose reply never comes, so that the function's time runs out
    deadline: float = float("inf")
    s3_read_timeout_s: float = READ_TIMEOUT_S
    requests: int = 0
    # A process has its own clients, and each client its own quota of retries. They are shared here,
    # because making them takes longer than a container's whole story.
    quotas: dict[int, RetryQuota] = field(default_factory=dict)


@dataclass(frozen=True)
class _Request:
    """A request before the wire, in the shape of one on it. `data` is the body of one in JSON."""

    url: str = ""
    headers: Any = None
    body: Any = None
    data: Any = None


_XML_TIME = "%Y-%m-%dT%H:%M:%S.000Z"
_lives: dict[Any, Life] = {}  # by task
_quotas: list[RetryQuota] = []  # in the order of their clients
_clock: list[Simulation] = []  # the simulation that runs now


_HEADERS = {
    "IfNoneMatch": "If-None-Match",
    "IfMatch": "If-Match",
    "ChecksumMode": "x-amz-checksum-mode",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
}
# A transaction's token, which makes its repetition harmless, and a copy's source are made on the way.
_WHOLE = ("TransactWriteItems", "CopyObject")
_QUERY = {"VersionId": "versionId", "Prefix": "prefix", "KeyMarker": "key-marker", "MaxKeys": "max-keys"}


def _request_of(params: dict[str, Any]) -> _Request:
    """What botocore would make of a call's arguments, as far as it is looked at here."""
    if "Bucket" not in params:
        return _Request(data=params)
    quote = urllib.parse.quote
    query = "&".join(
        f"{_QUERY[name]}={quote(str(value))}" for name, value in params.items() if name in _QUERY
    )
    headers = {_HEADERS[name]: value for name, value in params.items() if name in _HEADERS}
    url = f"https://{params['Bucket']}.s3/{quote(params.get('Key', ''))}?{query}"
    return _Request(url=url, headers=headers, body=params.get("Body"))


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
        self.meter: Meter | None = None
        self.lose: set[str] = set()  # operations whose first replies are lost
        self.partners: dict[str, Partner] = {}  # by bucket
        self._first: dict[Any, tuple[str, Any]] = {}
        self._tokens: dict[str, Any] = {}
        # Told of every request of a function or a container; may answer "before" or "after" to kill there.
        self.watch: Callable[[Life, str], str | None] | None = None
        _clock[:] = [simulation]
        super().__init__()
        clients_of_office(name, region).switchboard.account = self
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
        return self.clients

    @property
    def runner_clients(self) -> Any:
        return clients_of_office(self.name, self.region).containers

    @property
    def clients(self) -> Clients:
        """The functions' clients."""
        return clients_of_office(self.name, self.region).functions

    @clients.setter
    def clients(self, clients: Any) -> None:
        """They are shared by the accounts of one name, because making them takes long."""

    @property
    def delivery_clients(self) -> Clients:
        """Those of the function that copies to partners."""
        return clients_of_office(self.name, self.region).delivery

    def _call(self, whole: Any, service: str, quota_of_client: Any, operation: str, params: Any) -> Any:
        """Answer a call before it becomes a request, where nothing befalls it."""
        if self.wire or operation in _WHOLE:
            return whole(operation, params)
        fate = self._fate(operation)
        answer = self._meet(fate, _request_of(params), service, operation)
        if answer is not None and answer[0] == 200:
            quota_of_client.release(1)  # as botocore does after a call that needed no retry
            return _parsed(service, operation, *answer)
        self._first[self.simulation.task] = (fate, answer)
        return whole(operation, params)

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        first = self._first.pop(self.simulation.task, None)
        if first is None:
            fate = self._fate(operation)
            answer = self._meet(fate, request, service, operation)
        else:
            fate, answer = first
        if answer is None:
            if fate == "lost":
                if self.latency.random() < READ_TIMEOUT_SHARE:
                    life = self.lives.get(self.simulation.task)
                    of_s3 = life is not None and service == "s3"
                    self.simulation.sleep(life.s3_read_timeout_s if life and of_s3 else READ_TIMEOUT_S)
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

    def _fate(self, operation: str) -> str:
        rates, roll = self.rates, self.chance.random()
        if operation in self.lose and self.fates["lost"] < 6:
            return "lost"
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
        if self.meter is not None:
            self.meter.request(name, service, operation)
        self.trace.update(f"{self.simulation.now:.4f} {name} {service}.{operation} {fate}\n".encode())
        kill = False
        if life is not None:
            life.requests += 1
            kill = life.requests == life.kill_at
            if life.requests == life.hang_at:
                self.simulation.sleep(life.deadline - self.simulation.now)
            if self.simulation.now >= life.deadline:
                self.fates["timed out"] += 1
                raise Killed("the function's time-out")
            if self.watch is not None and (word := self.watch(life, f"{service}.{operation}")):
                kill, life.kill_after = True, word == "after"
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
            bucket, key, _ = aws_fakes._where(request.url)
            partner = self.partners.get(bucket)
            own = bucket in (self.office.uploads, self.office.results, self.office.references)
            if partner is None and not self._owns(own, operation, bucket):
                return aws_fakes._error("s3", 403, "AccessDenied")
            if partner is not None and (refusal := partner.refusal(operation, key, request)):
                return aws_fakes._error("s3", *refusal)
            answer: tuple[int, dict[str, str], bytes] = getattr(self, f"_s3_{operation}")(request)
            if partner is not None and answer[0] == 200:
                partner.saw(operation, key)
            return answer
        data = getattr(request, "data", None)
        if not isinstance(data, dict) or hasattr(request, "method"):
            data = json.loads(request.body or b"{}")
        if service == "dynamodb":
            raw: tuple[int, dict[str, str], bytes] = self._dynamo_raw(operation, data)
            return raw
        result = getattr(self, f"_{service}_{operation}")(data)
        if isinstance(result, tuple):
            return aws_fakes._error(service, *result)
        return 200, {"content-type": "application/json"}, result

    def _owns(self, own: bool, operation: str, what: str) -> bool:
        if not own:
            self.foreign.append(f"{self.name}: {operation} on {what}")
        return own

    def _response(self, request: Any, service: str, status: int, headers: Any, body: Any) -> AWSResponse:
        if isinstance(body, _Listing):
            body = body.encode()
        elif not isinstance(body, bytes):
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
        if self.meter is not None:
            life = self.lives.get(self.simulation.task)
            self.meter.dynamodb(life.name if life else "-", operation, answer, self.table.written)
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
            and environment.get("UPLOADS_BUCKET", office.uploads) == office.uploads
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

    # KMS

    def _kms_Sign(self, data: dict[str, Any]) -> Any:  # noqa: N802
        own = self._owns(data["KeyId"] == self.office.passport_key, "Sign", data["KeyId"])
        if not own:
            return 400, "AccessDeniedException"
        if isinstance(data["Message"], bytes):  # not from the wire
            data = {**data, "Message": base64.b64encode(data["Message"])}
        return super()._kms_Sign(data)

    # S3

    def put(self, bucket: str, key: str, body: bytes, **changes: Any) -> aws_fakes.Version:
        if (bucket, key) not in self.objects:
            insort(self.keys.setdefault(bucket, []), key)
        version = super().put(bucket, key, body, **changes)
        if key.endswith(STATUS):
            del self.objects[(bucket, key)][:-1]  # nobody reads old ones, and they are most of the memory
        return version

    def _with_prefix(self, bucket: str, prefix: str) -> list[str]:
        keys, found = self.keys.get(bucket, []), []
        for key in keys[bisect_left(keys, prefix) :]:
            if not key.startswith(prefix):
                break
            found.append(key)
        return found

    def _s3_ListObjectsV2(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = aws_fakes._where(request.url)
        found = [
            {"Key": key, "Size": len(self.objects[(bucket, key)][-1].body)}
            for key in self._with_prefix(bucket, query.get("prefix", ""))
        ]
        return 200, {"content-type": "application/xml"}, _Listing({"IsTruncated": False, "Contents": found})

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
        return 200, {"content-type": "application/xml"}, _Listing(answer)


class _Listing:
    """The answer of a listing: as XML on the wire, or as botocore would parse that."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def parsed(self) -> dict[str, Any]:
        versions = [
            {**row, "LastModified": datetime.fromtimestamp(row["LastModified"], UTC)}
            for row in self.answer.get("Versions", [])
        ]
        return {**self.answer, **({"Versions": versions} if versions else {})}

    def encode(self) -> bytes:
        quote = urllib.parse.quote
        body = "".join(
            f"<Version><Key>{escape(quote(row['Key']))}</Key><VersionId>{row['VersionId']}</VersionId>"
            f"<IsLatest>{str(row['IsLatest']).lower()}</IsLatest>"
            f"<LastModified>{datetime.fromtimestamp(row['LastModified'], UTC):{_XML_TIME}}</LastModified>"
            f"<ETag>{row['ETag']}</ETag><Size>{row['Size']}</Size></Version>"
            for row in self.answer.get("Versions", [])
        ) + "".join(
            f"<Contents><Key>{escape(quote(row['Key']))}</Key><Size>{row['Size']}</Size></Contents>"
            for row in self.answer.get("Contents", [])
        )
        marker = self.answer.get("NextKeyMarker")
        more = f"<NextKeyMarker>{escape(quote(marker))}</NextKeyMarker>" if marker else ""
        name = "ListVersionsResult" if "Versions" in self.answer else "ListBucketResult"
        return (
            f'<?xml version="1.0"?><{name}><EncodingType>url</EncodingType>'
            f"<IsTruncated>{str(self.answer['IsTruncated']).lower()}</IsTruncated>{more}{body}</{name}>"
        ).encode()


def _parsed(service: str, operation: str, _status: int, headers: dict[str, str], body: Any) -> Any:
    """What botocore would make of a good answer."""
    meta = {"HTTPStatusCode": 200, "RetryAttempts": 0}
    if service == "kms":
        blobs = {"Signature", "PublicKey"} & body.keys()
        body = {**body, **{name: base64.b64decode(body[name]) for name in blobs}}
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
    return {**body.parsed(), "ResponseMetadata": meta}


class _Switchboard:
    """Sessions for the clients of an office, which reach whichever account bears its name now."""

    def __init__(self, region: str) -> None:
        self.account: Any = None
        session = botocore.session.get_session()
        session.register_component("data_loader", aws_fakes._LOADER)
        session.set_credentials("AKIDEXAMPLE", "secret")
        session.register("before-send", self._to_account)
        self._session = boto3.session.Session(botocore_session=session, region_name=region)

    def _to_account(self, **given: Any) -> Any:
        return self.account._answer(**given)

    def client(self, *arguments: Any, **more: Any) -> Any:
        client = self._session.client(*arguments, **more)
        whole, quota_of_client = client._make_api_call, _quotas[-1]
        service = client.meta.service_model.service_id.hyphenize()
        client._make_api_call = lambda operation, params: self.account._call(
            whole, service, quota_of_client, operation, params
        )
        return client


@dataclass(frozen=True, kw_only=True)
class OfficeClients:
    switchboard: _Switchboard
    functions: Clients
    delivery: Clients
    containers: Any


@lru_cache(maxsize=100)
def clients_of_office(name: str, region: str) -> OfficeClients:  # noqa: ARG001
    """The clients of the office's functions and of its containers, with the configuration of production."""
    switchboard = _Switchboard(region)
    with mock.patch.object(boto3.session, "Session", return_value=switchboard):
        containers = runner.aws.clients(region, None)
    return OfficeClients(
        switchboard=switchboard,
        functions=clients_of(switchboard),
        delivery=unhurried_clients(switchboard),
        containers=containers,
    )


def _process() -> Any:
    """Whoever calls now."""
    return _clock[0].task if _clock else None


class _QuotaOfProcess(RetryQuota):
    """The quota of retries of the process that calls."""

    def __init__(self) -> None:
        super().__init__()
        _quotas.append(self)

    def _own(self) -> RetryQuota:
        life = _lives.get(_process())
        return RetryQuota() if life is None else life.quotas.setdefault(id(self), RetryQuota())

    def acquire(self, capacity_amount: int) -> bool:
        return bool(self._own().acquire(capacity_amount))

    def release(self, capacity_amount: int) -> None:
        self._own().release(capacity_amount)


class _Time:
    """botocore's clock: it waits between retries in virtual time."""

    @staticmethod
    def time() -> float:
        return _clock[0].now

    @staticmethod
    def sleep(seconds: float) -> None:
        _clock[0].sleep(seconds)


def make_clients_cheap() -> None:
    """Retries wait in virtual time, and what costs time and changes nothing is left out: signatures, agent.

    Clients that were made before are changed too, so each story may begin with it.
    """
    quota.RetryQuota = _QuotaOfProcess  # type: ignore[misc, assignment]
    botocore.endpoint.time = _Time  # type: ignore[attr-defined]
    RequestSigner.sign = lambda *_, **__: None  # type: ignore[method-assign]
    UserAgentString.to_string = lambda *_: "campaign"  # type: ignore[method-assign]


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
        passport_key=f"arn:aws:kms:{region}:{account}:key/passports",
        releases={release.pipeline: release},
        prices=Prices(
            day="2026-11-25",
            families=(Family(name="c6id", gib_per_vcpu=2, on_demand=0.058275, spot=0.0169),),
        ),
    )
