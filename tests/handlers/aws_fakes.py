"""AWS in this process: models of S3, DynamoDB, Batch and EventBridge behind real botocore clients.

Requests are answered at botocore's `before-send` hook, so the clients' own code runs: their serialisation,
their parsing and their retries. Faults are put in at the same place, by a function of the call. Nothing
here knows wall time: the world has its own clock, which only sleeping moves.
"""

import base64
import copy
import hashlib
import io
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import boto3
import botocore.session
from boto3.dynamodb.types import TypeDeserializer
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from ministack.core.responses import request_scope  # type: ignore[import-untyped]
from ministack.services import dynamodb as dynamodb_model  # type: ignore[import-untyped]

from handlers.context import Clients, Context, Office, clients_of
from handlers.ledger import INDEXES
from handlers.release import Linear, Release

ACCOUNT, REGION = "222222222222", "eu-central-1"
UPLOADS, RESULTS, REFERENCES = (
    f"globalbi-eu-{name}-{ACCOUNT}" for name in ("uploads", "results", "references")
)
LEDGER = "globalbi-eu-ledger"
SPOT_QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/globalbi-eu-spot"
ON_DEMAND_QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/globalbi-eu-on-demand"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/globalbi-eu-metagenome:3"
PASSPORT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/passports"
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())  # of every world
_LOADER = botocore.session.get_session().get_component("data_loader")
START_S = 1_795_000_000.0

RELEASE = Release(
    pipeline="metagenome",
    version="0.1.0",
    digest="sha256:" + "a" * 64,
    job_definition=DEFINITION,
    references={"kraken2": ("demo-kraken2", "2026.1"), "host": ("demo-host", "2026.1")},
    vcpus=4,
    memory_mib=Linear(base=6000, per_gib=1500),
    max_memory_mib=31000,
    scratch_gib=Linear(base=20, per_gib=6),
    time_limit_minutes=Linear(base=60, per_gib=60),
)


class Killed(BaseException):
    """The function's process is gone: nothing below may catch this."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it reaches AWS; `number` counts them from 1."""

    number: int
    service: str
    operation: str


# What befalls a call: None, "throttled", "denied", "failed" (500, not done), "lost" (done, no reply), "killed
# before", "killed after".
Faults = Callable[[Call], str | None]


@dataclass
class Version:
    version_id: str
    body: bytes
    modified: float
    sequencer: str
    checksum_type: str = "FULL_OBJECT"
    checksums: dict[str, str] = field(default_factory=dict)
    etag: str = ""
    delete_marker: bool = False
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def element(self) -> str:
        return "DeleteMarker" if self.delete_marker else "Version"


class World:
    """One office's account. `deliver` gives an event to a handler as SQS would."""

    def __init__(self, *, release: Release = RELEASE, pseudonymous: bool = False) -> None:
        self.now = START_S
        self.objects: dict[tuple[str, str], list[Version]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.terminated: dict[str, str] = {}
        self.calls: list[Call] = []
        self.submitted_at: list[float] = []
        self.faults: Faults = lambda call: None
        self.serial = 0
        self.uploads: dict[str, dict[int, bytes]] = {}  # in parts, that are not put together
        self.refusing: dict[str, str] = {}  # bucket -> the code it answers every write with
        self.owners: dict[str, str] = {}  # bucket -> its account, where a test says so
        self.office = Office(
            name="eu",
            ledger=LEDGER,
            uploads=UPLOADS,
            results=RESULTS,
            references=REFERENCES,
            job_queue=SPOT_QUEUE,
            on_demand_job_queue=ON_DEMAND_QUEUE,
            releases={release.pipeline: release},
            pseudonymous=pseudonymous,
            passport_key=PASSPORT_KEY,
        )
        self.clients = self._clients()
        _drop_tables()
        self._dynamo("CreateTable", table_of(LEDGER, INDEXES))

    # --- the handlers' side ---

    def context(self, *, deadline: float = float("inf"), seed: int = 0) -> Context:
        return Context(
            office=self.office,
            clients=self.clients,
            clock=lambda: self.now,
            sleep=self.sleep,
            chance=Random(seed),
            token=lambda: "k" * 64,
            deadline=deadline,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _clients(self) -> Clients:
        session = botocore.session.get_session()
        session.register_component(
            "data_loader", _LOADER
        )  # reading the services' models is most of a test's time
        session.set_credentials("AKIDEXAMPLE", "secret")
        session.register("before-send", self._answer)  # type: ignore[arg-type]
        return clients_of(boto3.session.Session(botocore_session=session, region_name=REGION))

    # --- what a test does ---

    def upload(
        self, key: str, body: bytes = b"reads", *, bucket: str = UPLOADS, **changes: Any
    ) -> dict[str, Any]:
        """Put a version, as a branch does; returns S3's event of it."""
        version = self.put(bucket, key, body, **changes)
        return created(bucket, key, version)

    def put(self, bucket: str, key: str, body: bytes, **changes: Any) -> Version:
        self.serial += 1
        sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
        version = Version(
            version_id=f"v{self.serial}",
            body=body,
            modified=self.now,
            sequencer=f"00{int(self.now):X}{self.serial:08X}",
            checksums={"CRC64NVME": sha[:12]},  # stands for the checksum: equal for equal bytes
            etag=hashlib.md5(body).hexdigest(),
        )
        for name, value in changes.items():
            setattr(version, name, value)
        self.objects.setdefault((bucket, key), []).append(version)
        return version

    def json_object(self, key: str, bucket: str = RESULTS) -> dict[str, Any] | None:
        versions = self.objects.get((bucket, key))
        return json.loads(versions[-1].body) if versions else None

    def run_item(self, run_id: str) -> dict[str, Any]:
        return self._items()[f"run#{run_id}"]

    def _items(self) -> dict[str, dict[str, Any]]:
        answer = self._dynamo("Scan", {"TableName": LEDGER})
        deserialise = TypeDeserializer().deserialize
        items = [{name: deserialise(value) for name, value in item.items()} for item in answer["Items"]]
        return {item["pk"]: item for item in items}

    def runs(self) -> dict[str, dict[str, Any]]:
        return {pk[4:]: item for pk, item in self._items().items() if pk.startswith("run#")}

    def publish(self, run: Mapping[str, Any], *, attempt: int = 1, **changes: Any) -> None:
        """Put results and a manifest, as the runner does."""
        body = b"<html>report</html>"
        report = self.put(RESULTS, f"{run['results_prefix']}report.html", body)
        report.checksums["SHA256"] = base64.b64encode(hashlib.sha256(body).digest()).decode()
        manifest = {
            "schema": 1,
            "run_id": run["pk"][4:],
            "attempt": attempt,
            "release_digest": run["release_digest"],
            "upload": {"version_id": run["version_id"]},
            "files": [{"path": "report.html", "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}],
            **changes,
        }
        self.put(RESULTS, f"{run['results_prefix']}manifest.json", json.dumps(manifest).encode())

    def say(self, run_id: str, attempt: int, code: int, message: str) -> None:
        """The runner's last words."""
        words = {
            "attempt": {"N": str(attempt)},
            "code": {"N": str(code)},
            "message": {"S": message},
        }
        self.note(run_id, "said", {"M": words})

    def note(self, run_id: str, name: str, value: Mapping[str, Any]) -> None:
        """What the runner writes to its run's item; `value` with DynamoDB's types."""
        self._dynamo(
            "UpdateItem",
            {
                "TableName": LEDGER,
                "Key": {"pk": {"S": f"run#{run_id}"}, "sk": {"S": "run"}},
                "UpdateExpression": f"SET {name} = :v",
                "ExpressionAttributeValues": {":v": value},
            },
        )

    def job_event(
        self, job_name: str, status: str, *, reason: str = "", container: str = "", code: int | None = None
    ) -> dict[str, Any]:
        """Move the (only) job of this name to `status`; returns Batch's event of it."""
        job = next(job for job in self.jobs.values() if job["jobName"] == job_name)
        job["status"] = status
        if reason:
            job["statusReason"] = reason
        if container:
            job["container"]["reason"] = container
        if code is not None:
            job["container"]["exitCode"] = code
        if status == "RUNNING":
            job["startedAt"] = int(self.now * 1000)
        if status in ("SUCCEEDED", "FAILED"):
            job["stoppedAt"] = int(self.now * 1000)
        return batch_event("Batch Job State Change", job)

    def snapshot(self) -> Any:
        with request_scope(ACCOUNT, REGION):
            tables = copy.deepcopy(dict(dynamodb_model._tables.items()))
        names = ("now", "objects", "jobs", "events", "terminated", "serial", "uploads")
        return tables, copy.deepcopy({name: getattr(self, name) for name in names})

    def restore(self, snapshot: Any) -> None:
        tables, rest = copy.deepcopy(snapshot)
        with request_scope(ACCOUNT, REGION):
            for name, table in tables.items():
                dynamodb_model._tables[name] = table
        for name, kept in rest.items():
            setattr(self, name, kept)

    # --- botocore's side ---

    def _answer(self, request: Any, event_name: str, **_more: Any) -> AWSResponse:
        _, service, operation = event_name.split(".")
        call = Call(number=len(self.calls) + 1, service=service, operation=operation)
        self.calls.append(call)
        fault = self.faults(call)
        if fault == "killed before":
            raise Killed(f"before {operation}")
        if fault == "throttled":
            code = {"s3": "SlowDown", "batch": "TooManyRequestsException"}.get(service, "ThrottlingException")
            status = {"s3": 503, "batch": 429}.get(service, 400)
            return self._response(request, service, *_error(service, status, code))
        if fault == "failed":
            return self._response(request, service, *_error(service, 500, "InternalError"))
        if fault == "denied":
            return self._response(request, service, *_error(service, 403, "AccessDenied"))
        status, reply, body = self._perform(request, service, operation)
        if fault == "killed after":
            raise Killed(f"after {operation}")
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        return self._response(request, service, status, reply, body)

    def _response(
        self, request: Any, service: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> AWSResponse:
        return AWSResponse(request.url, status, {**headers, "x-amzn-requestid": "r"}, _Raw(body))  # type: ignore[arg-type]

    def _perform(self, request: Any, service: str, operation: str) -> tuple[int, dict[str, str], bytes]:
        if service == "s3":
            owner = self.owners.get(_where(request.url)[0])
            if owner and _header(request, "x-amz-expected-bucket-owner") not in ("", owner):
                return _error("s3", 403, "AccessDenied")
            answer: tuple[int, dict[str, str], bytes] = getattr(self, f"_s3_{operation}")(request)
            return answer
        data = json.loads(request.body or b"{}")
        if service == "dynamodb":
            return _plain(self._dynamo_raw(operation, data))
        told = getattr(self, f"_{service}_{operation}")(data)
        if isinstance(told, tuple):
            return _error(service, *told)
        return 200, {"content-type": "application/json"}, json.dumps(told).encode()

    # DynamoDB

    def _dynamo_raw(self, operation: str, data: dict[str, Any]) -> Any:
        name = "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        with request_scope(ACCOUNT, REGION):
            return getattr(dynamodb_model, name)(data)

    def _dynamo(self, operation: str, data: dict[str, Any]) -> Any:
        status, _, body = self._dynamo_raw(operation, data)
        assert status == 200, body
        return json.loads(body)

    # Batch

    def _batch_SubmitJob(self, data: dict[str, Any]) -> Any:  # noqa: N802
        number = 1 + sum(job["jobName"] == data["jobName"] for job in self.jobs.values())
        job_id = hashlib.sha256(f"{data['jobName']} {number}".encode()).hexdigest()[:32]
        self.jobs[job_id] = {
            "jobId": job_id,
            "jobName": data["jobName"],
            "jobQueue": data["jobQueue"],
            "status": "SUBMITTED",
            "createdAt": int(self.now * 1000),
            "jobDefinition": data["jobDefinition"],
            "container": {"environment": data["containerOverrides"]["environment"]},
            "attempts": [],
            "asked": data,
        }
        self.submitted_at.append(self.now)
        return {"jobId": job_id, "jobName": data["jobName"]}

    def _batch_ListJobs(self, data: dict[str, Any]) -> Any:  # noqa: N802
        names = [value.lower() for each in data.get("filters", []) for value in each["values"]]
        return {
            "jobSummaryList": [
                {name: job[name] for name in ("jobId", "jobName", "status", "createdAt")}
                for job in self.jobs.values()
                if job["jobQueue"] == data["jobQueue"] and job["jobName"].lower() in names
            ]
        }

    def _batch_DescribeJobs(self, data: dict[str, Any]) -> Any:  # noqa: N802
        return {"jobs": [self.jobs[job_id] for job_id in data["jobs"] if job_id in self.jobs]}

    def _batch_TerminateJob(self, data: dict[str, Any]) -> Any:  # noqa: N802
        self.terminated.setdefault(data["jobId"], data["reason"])
        job = self.jobs.get(data["jobId"])
        if job and job["status"] not in ("SUCCEEDED", "FAILED"):
            job.update(status="FAILED", statusReason=data["reason"], stoppedAt=int(self.now * 1000))
        return {}

    # EventBridge

    def _eventbridge_PutEvents(self, data: dict[str, Any]) -> Any:  # noqa: N802
        self.events += [{**entry, "Detail": json.loads(entry["Detail"])} for entry in data["Entries"]]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(len(self.events))}]}

    # KMS

    def _kms_Sign(self, data: dict[str, Any]) -> Any:  # noqa: N802
        if data["KeyId"] != self.office.passport_key:
            return 400, "NotFoundException"
        digest = base64.b64decode(data["Message"])
        if (data["MessageType"], data["SigningAlgorithm"], len(digest)) != ("DIGEST", "ECDSA_SHA_256", 32):
            return 400, "ValidationException"
        signature = SIGNING_KEY.sign(digest, ec.ECDSA(utils.Prehashed(SHA256())))
        return {"KeyId": data["KeyId"], "Signature": base64.b64encode(signature).decode()}

    def _kms_GetPublicKey(self, data: dict[str, Any]) -> Any:  # noqa: N802
        der = SIGNING_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": data["KeyId"], "PublicKey": base64.b64encode(der).decode()}

    # S3

    def _s3_HeadObject(self, request: Any) -> Any:  # noqa: N802
        status, headers, _ = self._s3_GetObject(request)
        return status, headers, b""

    def _s3_GetObject(self, request: Any) -> Any:  # noqa: N802
        bucket, key, query = _where(request.url)
        versions = self.objects.get((bucket, key), [])
        wanted = query.get("versionId")
        version = (
            next((v for v in versions if v.version_id == wanted), None)
            if wanted
            else versions[-1]
            if versions
            else None
        )
        if version is None:
            return _error("s3", 404, "NoSuchVersion" if wanted else "NoSuchKey")
        if version.delete_marker:
            return _error("s3", 405 if wanted else 404, "MethodNotAllowed" if wanted else "NoSuchKey")
        headers = {
            "Content-Length": str(len(version.body)),
            "ETag": f'"{version.etag}"',
            "Last-Modified": datetime.fromtimestamp(version.modified, UTC).strftime(
                "%a, %d %b %Y %H:%M:%S GMT"
            ),
            "x-amz-version-id": version.version_id,
            **{f"x-amz-meta-{name}": value for name, value in version.metadata.items()},
        }
        if _header(request, "x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-type"] = version.checksum_type
            headers |= {f"x-amz-checksum-{name.lower()}": value for name, value in version.checksums.items()}
        return 200, headers, version.body

    def _s3_CopyObject(self, request: Any) -> Any:  # noqa: N802
        bucket, key, _ = _where(request.url)
        if code := self.refusing.get(bucket):
            return _error("s3", 404 if code == "NoSuchBucket" else 403, code)
        if _header(request, "x-amz-server-side-encryption") and not _header(
            request, "x-amz-server-side-encryption-aws-kms-key-id"
        ):
            return _error("s3", 400, "InvalidArgument")  # AWS's own key: the partner could not read it
        source, _, name = urllib.parse.unquote(_header(request, "x-amz-copy-source")).partition("/")
        if not (held := self.objects.get((source, name))):
            return _error("s3", 404, "NoSuchKey")
        sha = base64.b64encode(hashlib.sha256(held[-1].body).digest()).decode()
        version = self.put(bucket, key, held[-1].body, checksums={"SHA256": sha})
        return _xml(
            f"<CopyObjectResult><ETag>{version.etag}</ETag><ChecksumSHA256>{sha}</ChecksumSHA256></CopyObjectResult>"
        )

    def _s3_CreateMultipartUpload(self, request: Any) -> Any:  # noqa: N802
        bucket, _, _ = _where(request.url)
        if code := self.refusing.get(bucket):
            return _error("s3", 404 if code == "NoSuchBucket" else 403, code)
        self.serial += 1
        self.uploads[f"u{self.serial}"] = {}
        told = f"<UploadId>u{self.serial}</UploadId>"
        return _xml(f"<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>")

    def _s3_UploadPartCopy(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = _where(request.url)
        if code := self.refusing.get(bucket):
            return _error("s3", 404 if code == "NoSuchBucket" else 403, code)
        if (parts := self.uploads.get(query["uploadId"])) is None:
            return _error("s3", 404, "NoSuchUpload")
        source, _, name = urllib.parse.unquote(_header(request, "x-amz-copy-source")).partition("/")
        first, last = _header(request, "x-amz-copy-source-range").removeprefix("bytes=").split("-")
        body = self.objects[(source, name)][-1].body[int(first) : int(last) + 1]
        parts[int(query["partNumber"])] = body
        return _xml(f"<CopyPartResult>{_part(body)}</CopyPartResult>")

    def _s3_ListParts(self, request: Any) -> Any:  # noqa: N802
        query = _where(request.url)[2]
        if (parts := self.uploads.get(query["uploadId"])) is None:
            return _error("s3", 404, "NoSuchUpload")
        told = "".join(
            f"<Part><PartNumber>{number}</PartNumber>{_part(body)}</Part>"
            for number, body in sorted(parts.items())
        )
        return _xml(f"<ListPartsResult>{told}</ListPartsResult>")

    def _s3_CompleteMultipartUpload(self, request: Any) -> Any:  # noqa: N802
        bucket, key, query = _where(request.url)
        if code := self.refusing.get(bucket):
            return _error("s3", 404 if code == "NoSuchBucket" else 403, code)
        if (parts := self.uploads.pop(query["uploadId"], None)) is None:
            return _error("s3", 404, "NoSuchUpload")
        bodies = [body for _, body in sorted(parts.items())]
        digests = b"".join(hashlib.sha256(each).digest() for each in bodies)
        sha = f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(bodies)}"
        self.put(bucket, key, b"".join(bodies), checksums={"SHA256": sha}, checksum_type="COMPOSITE")
        return _xml(
            f"<CompleteMultipartUploadResult><ChecksumSHA256>{sha}</ChecksumSHA256></CompleteMultipartUploadResult>"
        )

    def _s3_AbortMultipartUpload(self, request: Any) -> Any:  # noqa: N802
        query = _where(request.url)[2]
        if self.uploads.pop(query["uploadId"], None) is None:
            return _error("s3", 404, "NoSuchUpload")
        return 204, {}, b""

    def _s3_PutObject(self, request: Any) -> Any:  # noqa: N802
        bucket, key, _ = _where(request.url)
        if code := self.refusing.get(bucket):
            return _error("s3", 404 if code == "NoSuchBucket" else 403, code)
        if len(key.encode()) > 1024:
            return _error("s3", 400, "KeyTooLongError")
        held = self.objects.get((bucket, key), [])
        if _header(request, "If-None-Match") == "*" and held:
            return _error("s3", 412, "PreconditionFailed")
        if match := _header(request, "If-Match"):
            if not held:
                return _error("s3", 404, "NoSuchKey")
            if match.strip('"') != held[-1].etag:
                return _error("s3", 412, "PreconditionFailed")
        version = self.put(bucket, key, _body(request))
        if sha256 := _header(request, "x-amz-checksum-sha256"):
            version.checksums["SHA256"] = sha256
        version.metadata = {
            name.lower().removeprefix("x-amz-meta-"): _header(request, name)
            for name in request.headers
            if name.lower().startswith("x-amz-meta-")
        }
        return 200, {"ETag": f'"{version.etag}"', "x-amz-version-id": version.version_id}, b""

    def _s3_ListObjectsV2(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = _where(request.url)
        found = "".join(
            f"<Contents><Key>{escape(urllib.parse.quote(key))}</Key><Size>{len(versions[-1].body)}</Size></Contents>"
            for (held_in, key), versions in sorted(self.objects.items())
            if held_in == bucket and key.startswith(query.get("prefix", ""))
        )
        return _xml(f"<ListBucketResult><EncodingType>url</EncodingType>{found}</ListBucketResult>")

    def _s3_ListObjectVersions(self, request: Any) -> Any:  # noqa: N802
        bucket, _, query = _where(request.url)
        after, most = query.get("key-marker", ""), int(query.get("max-keys", 1000))
        rows: list[tuple[str, Version, bool]] = [
            (key, version, index == 0)
            for (held_in, key), versions in sorted(self.objects.items())
            if held_in == bucket and key > after
            for index, version in enumerate(reversed(versions))
        ]
        # Pages end with a key here, which S3 does not promise.
        shown: list[tuple[str, Version, bool]] = []
        for row in rows:
            if len(shown) >= most and row[0] != shown[-1][0]:
                break
            shown.append(row)
        more = len(shown) < len(rows)
        body = "".join(
            f"<{version.element}><Key>{escape(urllib.parse.quote(key))}</Key>"
            f"<VersionId>{version.version_id}</VersionId><IsLatest>{str(latest).lower()}</IsLatest>"
            f"<LastModified>{_second(version.modified):%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{version.etag}</ETag><Size>{len(version.body)}</Size>"
            f"</{version.element}>"
            for key, version, latest in shown
        )
        marker = f"<NextKeyMarker>{escape(urllib.parse.quote(shown[-1][0]))}</NextKeyMarker>" if more else ""
        return _xml(
            f"<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{marker}{body}</ListVersionsResult>"
        )


# --- events, as AWS words them ---


def created(bucket: str, key: str, version: Version) -> dict[str, Any]:
    return {
        "version": "0",
        "id": f"event-{version.version_id}",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "region": REGION,
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": len(version.body),
                "etag": version.etag,
                "version-id": version.version_id,
                "sequencer": version.sequencer,
            },
            "reason": "PutObject",
        },
    }


def batch_event(detail_type: str, job: Mapping[str, Any]) -> dict[str, Any]:
    detail = copy.deepcopy({name: value for name, value in job.items() if name != "asked"})
    return {
        "version": "0",
        "detail-type": detail_type,
        "source": "aws.batch",
        "account": ACCOUNT,
        "detail": detail,
    }


def sqs(*events: Mapping[str, Any]) -> dict[str, Any]:
    """A batch as Lambda gets it."""
    return {"Records": [{"messageId": f"m{i}", "body": json.dumps(event)} for i, event in enumerate(events)]}


def job_name_counts(world: World) -> Counter[str]:
    return Counter(job["jobName"] for job in world.jobs.values())


# --- wire ---


def _second(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(int(epoch_s), UTC)


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def _header(request: Any, name: str) -> str:
    value = request.headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else value


def _body(request: Any) -> bytes:
    body = request.body
    data: bytes = body.read() if hasattr(body, "read") else body
    if "aws-chunked" not in _header(request, "Content-Encoding"):
        return data
    plain, rest = b"", data
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if not length:
            break
        plain, rest = plain + rest[:length], rest[length + 2 :]
    return plain


def _part(body: bytes) -> str:
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    etag = hashlib.md5(body).hexdigest()
    return f"<ETag>{etag}</ETag><ChecksumSHA256>{sha}</ChecksumSHA256>"


def _where(url: str) -> tuple[str, str, dict[str, str]]:
    parts = urllib.parse.urlsplit(url)
    bucket = (parts.hostname or "").split(".")[0]
    return bucket, urllib.parse.unquote(parts.path[1:]), dict(urllib.parse.parse_qsl(parts.query))


def _error(service: str, status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    if service == "s3":
        return status, {"content-type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode()
    body = json.dumps({"__type": code, "message": code}).encode()
    return status, {"content-type": "application/json", "x-amzn-errortype": code}, body


def _plain(answer: tuple[int, Mapping[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    return answer[0], dict(answer[1]), answer[2]


def _xml(body: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {"content-type": "application/xml"}, f'<?xml version="1.0"?>{body}'.encode()


def table_of(name: str, indexes: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A table with these indexes: name → partition and sort key."""
    keys = [("pk", "sk"), *indexes.values()]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": each, "AttributeType": "S"} for each in dict.fromkeys(sum(keys, ()))
        ],
        "KeySchema": _key("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": index, "KeySchema": _key(*key), "Projection": {"ProjectionType": "ALL"}}
            for index, key in indexes.items()
        ],
    }


def _key(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _drop_tables() -> None:
    with request_scope(ACCOUNT, REGION):
        for name in list(dynamodb_model._tables):
            del dynamodb_model._tables[name]
