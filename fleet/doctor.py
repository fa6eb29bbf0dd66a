"""Doctor: whether each office can work, and what to do where it cannot.

It looks at what only shows when the first sample fails: credentials, buckets, tables, queues, alarms,
compute, functions, and whether every release's image and references are in the office's region. It changes
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.alarms import RUNBOOK
from components.fleet import INDEXES
from components.names import FLEET, PREFIX, job_definition_name, physical, repository_name
from components.office import Office
from fleet import census, letters
from fleet.access import Access, Unreachable, bucket, fleet_table, ledger_table
from fleet.options import now
from fleet.table import FleetTable

GOOD, BAD, UNSURE = "good", "bad", "unsure"
FUNCTIONS = ("intake", "progress", "reconcile", "desk", "census")
# EC2's quotas of vCPUs for the standard families (c, m, r, …), as Service Quotas names them.
QUOTAS = {"Spot": "L-34B43A08", "on-demand": "L-1216C47A"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`what` was looked at, how it is, and what to do (None: nothing)."""

    office: str
    what: str
    how: str
    words: str
    to_do: str | None = None


Check = Callable[[Access, Office], Iterator[Finding]]


def examine(access: Access, office: Office) -> list[Finding]:
    """Everything about one office; a check that cannot be made is a finding of its own."""
    try:
        access.session(office)
    except Unreachable as error:
        return [Finding(office=office.name, what="credentials", how=BAD, words=str(error))]
    found = [_good(office, "credentials", f"of account {office.account}")]
    checks = [*OF_EVERY_OFFICE, *(OF_HEADQUARTERS if office.headquarters else ())]
    for name, check in checks:
        try:
            found += check(access, office)
        except (ClientError, BotoCoreError) as error:
            found.append(
                Finding(
                    office=office.name,
                    what=name,
                    how=UNSURE,
                    words=f"could not be looked at: {error}",
                    to_do="Allow this call to the profile in use, or look by hand.",
                )
            )
    return found


def buckets(access: Access, office: Office) -> Iterator[Finding]:
    s3 = access.client("s3", office)
    for content in ("uploads", "results", "references"):
        name = bucket(office, content)
        try:
            region = s3.head_bucket(Bucket=name).get("BucketRegion", office.region)
        except ClientError as error:
            yield _bad(office, "bucket", f"{name}: {error}", _apply(office))
            continue
        if region == office.region:
            yield _good(office, "bucket", f"{name} in {region}")
        else:
            yield _bad(office, "bucket", f"{name} is in {region}, not in {office.region}", _apply(office))


def ledger(access: Access, office: Office) -> Iterator[Finding]:
    yield from _table(access, office, ledger_table(office), ("by_state",))


def own_table(access: Access, office: Office) -> Iterator[Finding]:
    yield from _table(access, office, fleet_table(), INDEXES)


def _table(access: Access, office: Office, name: str, indexes: tuple[str, ...]) -> Iterator[Finding]:
    try:
        table = access.client("dynamodb", office).describe_table(TableName=name)["Table"]
    except ClientError as error:
        yield _bad(office, "table", f"{name}: {error}", _apply(office))
        return
    there = {each["IndexName"] for each in table.get("GlobalSecondaryIndexes", [])}
    if lacking := sorted(set(indexes) - there):
        yield _bad(office, "table", f"{name} has no index {', '.join(lacking)}", _apply(office))
    elif table["TableStatus"] != "ACTIVE":
        yield _bad(office, "table", f"{name} is {table['TableStatus']}", "Wait until it is ACTIVE.")
    else:
        yield _good(office, "table", f"{name}, indexes {', '.join(sorted(there))}")


def dead_letters(access: Access, office: Office) -> Iterator[Finding]:
    sqs = access.client("sqs", office)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
    names = {url.rsplit("/", 1)[-1] for page in pages for url in page.get("QueueUrls", [])}
    due = [physical(office.name, f"{step}-queue", limit=80) for step in ("intake", "progress")]
    due += [physical(office.name, "delivery-queue", limit=80)] if office.agreements else []
    due += [f"{FLEET}-queue"] if office.headquarters else []
    if lacking := sorted(set(due) - names):
        yield _bad(office, "queues", f"{', '.join(lacking)} missing", _apply(office))
    waiting = letters.waiting(sqs)
    for queue, count in waiting.items():
        yield _bad(
            office,
            "dead letters",
            f"{count} in {queue}",
            f"`fleet redrive {office.name}` tells why; mend that, then add --send.",
        )
    if not lacking and not waiting:
        yield _good(office, "queues", f"{len(names)}, no dead letter")


def alarms(access: Access, office: Office) -> Iterator[Finding]:
    cloudwatch = access.client("cloudwatch", office)
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{PREFIX}-")
    known = [alarm for page in pages for alarm in page["MetricAlarms"]]
    ringing = [alarm for alarm in known if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        yield _bad(
            office, "alarm", f"{alarm['AlarmName']} since {alarm.get('StateUpdatedTimestamp')}",
            alarm.get("AlarmDescription") or f"See {RUNBOOK}.",
        )  # fmt: skip
    if not known:
        yield _bad(office, "alarms", "there is none", _apply(office))
    elif not ringing:
        yield _good(office, "alarms", f"{len(known)}, none rings")


def events(access: Access, office: Office) -> Iterator[Finding]:
    """Whether headquarters has what the office's last census told of."""
    table = FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    if trouble := census.gap(table, office, now()):
        yield _bad(office, "census", *trouble)
    elif night := census.newest(table, office):
        yield _good(office, "census", f"of {night.night}: {night.runs} runs, as headquarters has them")
    else:
        yield _good(office, "census", "none yet, it comes each night")


def compute(access: Access, office: Office) -> Iterator[Finding]:
    batch = access.client("batch", office)
    names = [physical(office.name, role, limit=128) for role in ("spot", "on-demand")]
    queues = {each["jobQueueName"]: each for each in batch.describe_job_queues(jobQueues=names)["jobQueues"]}
    for name in names:
        queue = queues.get(name)
        if queue is None:
            yield _bad(office, "job queue", f"{name} is missing", _apply(office))
        elif (queue["state"], queue["status"]) != ("ENABLED", "VALID"):
            words = f"{name} is {queue['state']} and {queue['status']}: {queue.get('statusReason', '')}"
            yield _bad(office, "job queue", words, "Enable it, or mend what Batch names.")
        else:
            yield _good(office, "job queue", name)
    used = {
        order["computeEnvironment"] for queue in queues.values() for order in queue["computeEnvironmentOrder"]
    }
    for each in _environments(batch, used):
        words = f"{each['computeEnvironmentName']}: {each['state']}, {each['status']}"
        if (each["state"], each["status"]) == ("ENABLED", "VALID"):
            yield _good(office, "compute", words)
        else:
            yield _bad(
                office, "compute", f"{words}: {each.get('statusReason', '')}", "Mend what Batch names."
            )


def _environments(batch: Any, used: set[str]) -> list[Any]:
    pages = batch.get_paginator("describe_compute_environments").paginate()
    every = [each for page in pages for each in page["computeEnvironments"]]
    return [each for each in every if each["computeEnvironmentArn"] in used]


def functions(access: Access, office: Office) -> Iterator[Finding]:
    client = access.client("lambda", office)
    names = [physical(office.name, step) for step in FUNCTIONS]
    names += [physical(office.name, "delivery")] if office.agreements else []
    names += [physical(office.name, "fleet")] if office.headquarters else []
    for name in names:
        try:
            state = client.get_function_configuration(FunctionName=name).get("State", "Active")
        except ClientError as error:
            yield _bad(office, "function", f"{name}: {error}", _apply(office))
            continue
        sources = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        off = [source["State"] for source in sources if source["State"] != "Enabled"]
        if state != "Active" or off:
            words = f"{name} is {state}, its queue is {', '.join(off) or 'read'}"
            yield _bad(
                office, "function", words, "Enable its event source mapping, or apply the office again."
            )
        else:
            yield _good(office, "function", name)


def images(access: Access, office: Office) -> Iterator[Finding]:
    """Each release's image, by digest, in the office's own registry."""
    ecr, batch = access.client("ecr", office), access.client("batch", office)
    for pipeline, release in office.releases.items():
        name = f"{repository_name(pipeline)}@{release.digest[:19]}…"
        try:
            there = ecr.describe_images(
                repositoryName=repository_name(pipeline), imageIds=[{"imageDigest": release.digest}]
            )["imageDetails"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in (
                "ImageNotFoundException",
                "RepositoryNotFoundException",
            ):
                raise
            there = []
        if there:
            yield _good(office, "image", name)
        else:
            yield _bad(
                office,
                "image",
                f"{name} is not in the registry of {office.region}",
                "Push it to headquarters' registry, or wait for the replication (docs/deploying.md).",
            )
        defined = batch.describe_job_definitions(
            jobDefinitionName=job_definition_name(office.name, pipeline), status="ACTIVE"
        )["jobDefinitions"]
        if not any(
            release.digest in str(each.get("containerProperties", {}).get("image")) for each in defined
        ):
            words = f"no job definition of {pipeline} has {release.digest[:19]}…"
            yield _bad(office, "release", words, _apply(office))


def references(access: Access, office: Office) -> Iterator[Finding]:
    s3, name = access.client("s3", office), bucket(office, "references")
    for reference, version in sorted({pin for r in office.releases.values() for pin in r.references.items()}):
        place = f"{reference}/{version}/SHA256SUMS"
        try:
            s3.head_object(Bucket=name, Key=place)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            yield _bad(
                office,
                "reference",
                f"s3://{name}/{place} is missing",
                "Put it into headquarters' references bucket, or wait for the replication.",
            )
        else:
            yield _good(office, "reference", f"{reference} {version}")


def quotas(access: Access, office: Office) -> Iterator[Finding]:
    """Whether EC2 grants the vCPUs that the office file allows."""
    client, wanted = access.client("service-quotas", office), office.settings.compute.max_vcpus
    for kind, code in QUOTAS.items():
        granted = client.get_service_quota(ServiceCode="ec2", QuotaCode=code)["Quota"]["Value"]
        words = f"{granted:.0f} {kind} vCPUs granted, {wanted} wanted"
        if granted >= wanted:
            yield _good(office, "quota", words)
        else:
            yield _bad(
                office, "quota", words, f"Ask AWS for more ({code} in Service Quotas of {office.region})."
            )


OF_EVERY_OFFICE: tuple[tuple[str, Check], ...] = (
    ("buckets", buckets),
    ("ledger", ledger),
    ("queues", dead_letters),
    ("alarms", alarms),
    ("census", events),
    ("compute", compute),
    ("functions", functions),
    ("images", images),
    ("references", references),
    ("quotas", quotas),
)
OF_HEADQUARTERS: tuple[tuple[str, Check], ...] = (("table", own_table),)


def _good(office: Office, what: str, words: str) -> Finding:
    return Finding(office=office.name, what=what, how=GOOD, words=words)


def _bad(office: Office, what: str, words: str, to_do: str) -> Finding:
    return Finding(office=office.name, what=what, how=BAD, words=words, to_do=to_do)


def _apply(office: Office) -> str:
    return f"Apply the office: `pulumi up -s {office.name}`."
