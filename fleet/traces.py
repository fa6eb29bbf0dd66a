"""Traces: everything by which an office holds a sample. Looking changes nothing.

The buckets are listed below each folder of the sample's name, versions and delete markers and unfinished
uploads; the ledger is read whole, since no index knows every item that names a sample; the lists of members
say which comparisons of its project have it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from fleet.letters import letters_about
from handlers import ledger
from handlers.context import Context
from handlers.delivery_ledger import delivery_of
from handlers.delivery_plan import ERASED as DELIVERY_ERASED
from handlers.delivery_plan import ERASING, Delivery
from handlers.items import untyped
from handlers.page import NAME as PAGE
from handlers.redrive import DeadLetter
from handlers.run import ERASED, MEMBERS, Run

_TOLD = (ERASING, DELIVERY_ERASED)
CURSOR = {"pk": "note#reconcile-uploads", "sk": "note"}


@dataclass(frozen=True, kw_only=True)
class Named:
    """A sample as people name it, in whatever pipelines it was uploaded to."""

    project: str
    sample: str

    @property
    def path(self) -> str:
        return f"{self.project}/{self.sample}"

    def folder(self, top: str) -> str:
        return f"{top}/{self.path}/"

    def is_of(self, item: Mapping[str, Any]) -> bool:
        return (item.get("project"), item.get("sample")) == (self.project, self.sample)


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of an object, or a delete marker. `at` is S3's time, in whole seconds."""

    bucket: str
    key: str
    version_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Part:
    """An upload in parts that was never completed: its parts hold reads."""

    bucket: str
    key: str
    upload_id: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item of the ledger that names the sample, with what it must still have when it is removed."""

    key: Mapping[str, str]
    unchanged: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Traces:
    """What was found, up to a time."""

    uploads: list[Version] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    results: list[Version] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    comparisons: list[Run] = field(default_factory=list)  # of the project, with this sample in them
    compared: list[Version] = field(default_factory=list)  # their results, with the lists of members
    deliveries: list[Delivery] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    pipelines: set[str] = field(default_factory=set)
    neighbours: set[str] = field(default_factory=set)  # pipelines in which the project has other samples

    @property
    def found(self) -> dict[str, int]:
        """How much of each kind, by the words of the tombstone."""
        return {
            "upload versions": len(self.uploads),
            "unfinished uploads": len(self.parts),
            "result versions": len(self.results),
            "runs": len(self.runs),
            "comparisons of the project": len(self.comparisons),
            "versions of their results": len(self.compared),
            "deliveries": len(self.deliveries),
            "other items of the ledger": len(self.items),
            "dead letters": len(self.letters),
        }

    @property
    def any(self) -> bool:
        return any(self.found.values())

    @property
    def partners(self) -> tuple[str, ...]:
        return tuple(sorted({each.partner for each in self.deliveries}))


def look(
    context: Context, named: Named, queues: Iterable[Any], until: datetime, run_ids: Iterable[str] = ()
) -> Traces:
    """What there is of the sample by `until`. `queues` are clients for SQS of the accounts in which its dead
    letters may lie, `run_ids` runs of it that the ledger does not name any more.
    """
    traces = Traces()
    s3, office = context.clients.s3, context.office
    for bucket, kept in ((office.uploads, traces.uploads), (office.results, traces.results)):
        for top in _tops(s3, bucket):
            for version in versions(s3, bucket, named.folder(top)):
                if version.at <= until:
                    kept.append(version)
                    traces.pipelines.add(top)
            traces.parts += _parts(s3, bucket, named.folder(top))
    _read_ledger(context, named, until, traces)
    ids = {*run_ids, *(run.run_id for run in traces.runs)}
    for sqs in queues:
        traces.letters += letters_about(sqs, named.project, named.sample, ids)
    return traces


def versions(s3: Any, bucket: str, prefix: str) -> Iterator[Version]:
    """Every version and delete marker below a prefix."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for each in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            yield Version(
                bucket=bucket,
                key=each["Key"],
                version_id=each["VersionId"],
                at=each["LastModified"].astimezone(UTC).replace(microsecond=0),
            )


def pages_of(context: Context, pipeline: str, project: str) -> list[Version]:
    """Every version of a project's page."""
    key = f"{pipeline}/{project}/{PAGE}"
    found = versions(context.clients.s3, context.office.results, key)
    return [each for each in found if each.key == key]


def _tops(s3: Any, bucket: str) -> list[str]:
    """The folders of pipelines that are there, or were: a mistyped one holds reads, too."""
    found: set[str] = set()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Delimiter="/"):
        found |= {each["Prefix"].rstrip("/") for each in page.get("CommonPrefixes", [])}
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        found |= {each["Key"].partition("/")[0] for each in page.get("Uploads") or [] if "/" in each["Key"]}
    return sorted(found)


def _parts(s3: Any, bucket: str, prefix: str) -> Iterator[Part]:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Uploads") or []:
            if each["Key"].startswith(prefix):
                yield Part(bucket=bucket, key=each["Key"], upload_id=each["UploadId"])


def _read_ledger(context: Context, named: Named, until: datetime, traces: Traces) -> None:
    compared: list[Run] = []
    members: list[tuple[str, dict[str, Any]]] = []
    deliveries: list[Delivery] = []
    for item in _items(context):
        kind, _, rest = item["pk"].partition("#")
        if kind == "run" and item["sk"] == "run":
            run = ledger.run_of(item)
            if run.members is not None and run.sample.project == named.project:
                compared.append(run)
            elif run.members is None and named.is_of(item):
                if _moment(run.uploaded) <= until:
                    traces.runs.append(run)
                    traces.pipelines.add(run.sample.pipeline)
            elif item["project"] == named.project and run.members is None:
                traces.neighbours.add(run.sample.pipeline)
        elif kind == "sample" and rest.split("/")[1:] == [named.project, named.sample]:
            if _moment(item["uploaded"]) <= until:
                traces.items.append(_item(item, "run_id", "version_id"))
        elif kind == "project" and item["sk"].startswith("run#"):
            if rest.partition("/")[2] == named.project and item["sample"] == named.sample:
                members.append((item["sk"].removeprefix("run#"), item))
        elif kind == "delivery":
            deliveries.append(delivery_of(item))
        elif (kind == "delivered" and rest.split("/")[2:] == [named.project, named.sample]) or (
            kind == "notice" and f"/{named.path}/" in json.loads(item.get("notice", "{}")).get("text", "")
        ):
            traces.items.append(_item(item))
        elif item["pk"] == CURSOR["pk"] and f"/{named.path}/" in item["word"]:
            traces.items.append(_item(item, "word"))
    ids = {run.run_id for run in traces.runs}
    # A row of a newer upload's run stays: its run is not among these.
    traces.items += [_item(item) for run_id, item in members if run_id in ids or _gone(context, run_id)]
    _read_comparisons(context, named, compared, traces)
    ids |= {run.run_id for run in traces.comparisons}
    traces.deliveries += [each for each in deliveries if each.run_id in ids and each.state not in _TOLD]


def _read_comparisons(context: Context, named: Named, compared: Iterable[Run], traces: Traces) -> None:
    s3, results = context.clients.s3, context.office.results
    for run in compared:
        held = list(versions(s3, results, run.results_prefix))
        if named.sample in _members(s3, held, f"{run.results_prefix}{MEMBERS}"):
            traces.comparisons.append(run)
            traces.compared += held


def _members(s3: Any, held: Iterable[Version], key: str) -> set[str]:
    for version in held:
        if version.key != key:
            continue
        try:
            body = s3.get_object(Bucket=version.bucket, Key=key, VersionId=version.version_id)["Body"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 405):
                raise
            continue  # a delete marker
        return {str(each["sample"]) for each in json.loads(body)["members"]}
    return set()


def _gone(context: Context, run_id: str) -> bool:
    run = ledger.read_run(context, run_id)
    return run is None or run.state == ERASED


def _items(context: Context) -> Iterator[dict[str, Any]]:
    pages = context.clients.dynamodb.get_paginator("scan").paginate(
        TableName=context.office.ledger, ConsistentRead=True
    )
    for page in pages:
        yield from map(untyped, page["Items"])


def subject(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The project and the sample that an item of the ledger is of; None: of none, or of many."""
    kind, _, rest = item["pk"].partition("#")
    found = [rest.split("/")[-2:]] if kind in ("sample", "delivered") else []
    if kind == "project" and item["sk"].startswith("run#"):
        found = [[rest.partition("/")[2], item["sample"]]]
    elif kind == "delivery":
        found = [item["sample"].split("/")[1:]]
    elif kind == "run" and not item.get("members"):
        found = [[item["project"], item["sample"]]]
    return (str(found[0][0]), str(found[0][1])) if found else None


def _item(item: Mapping[str, Any], *unchanged: str) -> Item:
    return Item(
        key={name: item[name] for name in ("pk", "sk")}, unchanged={name: item[name] for name in unchanged}
    )


def _moment(iso: str) -> datetime:
    # S3 lists whole seconds.
    return datetime.fromisoformat(iso).replace(microsecond=0)
