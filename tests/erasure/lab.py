"""An office, headquarters and a partner in one twin, a sample that leaves traces everywhere, and a search for
its name in everything that the twin holds.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from demo.story import wait_for
from fleet.access import fleet_table
from fleet.erase import Eraser
from handlers import cohort, ledger
from handlers.delivery_plan import DELIVERED
from handlers.keys import Sample
from handlers.project import Project
from handlers.run import Run
from tests.test_delivery import BUCKET, REGION, World
from twin.offices import SETTINGS

# Accounts of the twin: the office, headquarters, the partner.
PLACES = {"222222222222": REGION, "111111111111": "ap-northeast-2"}
NEIGHBOUR = "Neighbour"


@dataclass(frozen=True, kw_only=True)
class Lab(World):
    """The office whose sample is to be erased."""

    endpoint: str

    @property
    def eraser(self) -> Eraser:
        return Eraser.of(self.access, self.access.fleet.office("eu"))

    def uploaded(self, project: str, sample: str, body: bytes = b"reads") -> str:
        """As a branch does it, up to intake's claim; the version's id."""
        key = f"metagenome/{project}/{sample}/input.tar"
        s3 = self.context.clients.s3
        version = str(s3.put_object(Bucket=self.context.office.uploads, Key=key, Body=body)["VersionId"])
        place = Sample(pipeline="metagenome", project=project, sample=sample)

        def claimed() -> bool:
            known = ledger.read_newest(self.context, place)
            return known is not None and known.version_id == version

        wait(claimed)
        return version

    def compared(self, project: str) -> Run:
        """A comparison of the project's samples, submitted, with some results."""
        context = self.access.context_of_functions(self.access.fleet.office("eu"))
        of = Project(pipeline="metagenome", name=project)
        run_id = cohort.claim(context, context.office.releases["cohort"], of)
        assert run_id is not None
        run = ledger.read_run(self.context, run_id)
        assert run is not None
        return run

    def put(self, key: str, body: bytes) -> None:
        self._put(key, body)

    def stop_all_jobs(self) -> None:
        batch = self.access.client("batch", self.access.fleet.office("eu"))
        for each in batch.describe_compute_environments()["computeEnvironments"]:
            batch.update_compute_environment(
                computeEnvironment=each["computeEnvironmentName"], state="DISABLED"
            )

    def dead_letter(self, account: str, part: str, body: dict[str, Any]) -> None:
        sqs = client(self.endpoint, account, "sqs")
        [url] = [
            each for each in sqs.list_queues()["QueueUrls"] if each.endswith(f"{part}-queue-dead-letters")
        ]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))

    def late(self, function: str, event: dict[str, Any]) -> None:
        """An event that comes when it is long over, handed to the function as its queue does."""
        records = [{"messageId": "late", "body": json.dumps(event)}]
        lambda_ = self.access.client("lambda", self.access.fleet.office("eu"))
        payload = json.dumps({"Records": records}).encode()
        answer = lambda_.invoke(FunctionName=f"globalbi-eu-{function}", Payload=payload)
        told = json.loads(answer["Payload"].read())
        assert told == {"batchItemFailures": []}, told

    def row(self, run_id: str) -> dict[str, Any] | None:
        """Headquarters' row of a run."""
        table = self.access.headquarters("dynamodb")
        key = {"pk": {"S": "office#eu"}, "sk": {"S": f"run#{run_id}"}}
        item: dict[str, Any] | None = table.get_item(TableName=fleet_table(), Key=key).get("Item")
        return item

    def delivered(self, run: Run) -> None:
        assert self.becomes(run, DELIVERED)

    def where_is(self, name: str) -> list[str]:
        """Every place of the twin's offices that has the name: buckets with every version, tables, queues."""
        return sorted({place for place, text in _everything(self.endpoint) if name.encode() in text})


def with_traces(lab: Lab, project: str, sample: str, number: int, *, letters: bool = True) -> Run:
    """A sample with a trace in each place that can have one; returns its run that has results."""
    version = lab.uploaded(project, sample)
    s3, uploads = lab.context.clients.s3, lab.context.office.uploads
    folder = f"metagenome/{project}/{sample}"
    files = {"report.html": f"<h1>{sample}</h1>".encode(), "abundance/species.tsv": b"name\treads\n"}
    run = lab.succeeded(number, sample, files, project=project)
    for note in ("first", "second"):
        lab.put(f"{run.results_prefix}notes.txt", f"{sample}: {note}".encode())  # in two versions
    s3.put_object(Bucket=uploads, Key=f"metagenom/{project}/{sample}/input.tar", Body=b"a mistyped pipeline")
    s3.delete_object(Bucket=uploads, Key=f"{folder}/input.tar")  # a delete marker hides it only
    begun = s3.create_multipart_upload(Bucket=uploads, Key=f"{folder}/input.tar")["UploadId"]
    s3.upload_part(Bucket=uploads, Key=f"{folder}/input.tar", UploadId=begun, PartNumber=1, Body=b"reads")
    ledger.write_note(lab.context, "reconcile-uploads", f"{folder}/input.tar")
    compared = lab.compared(project)
    lab.put(f"{compared.results_prefix}table.tsv", f"{sample}\t{NEIGHBOUR}\n".encode())
    lab.invoke("desk")
    if letters:
        _dead_letters(lab, run, version)
    return run


def _dead_letters(lab: Lab, run: Run, version: str) -> None:
    folder, project, sample = run.sample.folder, run.sample.project, run.sample.sample
    uploads = lab.context.office.uploads
    upload = {"bucket": {"name": uploads}, "object": {"key": f"{folder}input.tar", "version-id": version}}
    created = {"source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-28T00:00:00Z"}
    lab.dead_letter("222222222222", "intake", {**created, "detail": upload})
    ended = {"source": "aws.batch", "detail-type": "Batch Job State Change"}
    lab.dead_letter("222222222222", "progress", {**ended, "detail": {"jobName": f"{run.run_id}-1"}})
    told = {"run_id": run.run_id, "project": project, "sample": sample}
    lab.dead_letter("111111111111", "fleet", {"detail": told})


def neighbours(lab: Lab, project: str) -> dict[str, bytes]:
    """What another sample of the project has."""
    s3, results = lab.context.clients.s3, lab.context.office.results
    listed = s3.list_objects_v2(Bucket=results, Prefix=f"metagenome/{project}/{NEIGHBOUR}/")["Contents"]
    return {each["Key"]: s3.get_object(Bucket=results, Key=each["Key"])["Body"].read() for each in listed}


def client(endpoint: str, account: str, service: str) -> Any:
    made: Any = boto3.Session(account, "local", region_name=PLACES.get(account, REGION)).client
    return made(service, endpoint_url=endpoint, config=SETTINGS)


def _everything(endpoint: str) -> Iterator[tuple[str, bytes]]:
    for account in PLACES:
        yield from _buckets(client(endpoint, account, "s3"))
        dynamodb = client(endpoint, account, "dynamodb")
        for table in dynamodb.list_tables()["TableNames"]:
            for page in dynamodb.get_paginator("scan").paginate(TableName=table):
                for item in page["Items"]:
                    text = json.dumps(item, ensure_ascii=False).encode()
                    yield f"{table} {item['pk']['S']} {item['sk']['S']}", text
        sqs = client(endpoint, account, "sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            yield from _messages(sqs, url)


def _messages(sqs: Any, url: str) -> Iterator[tuple[str, bytes]]:
    seen = []
    while held := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
        "Messages"
    ):
        seen += held
    for message in seen:
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
        yield url, message["Body"].encode()


def _buckets(s3: Any) -> Iterator[tuple[str, bytes]]:
    for bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
        if bucket == BUCKET:
            continue  # the partner's own
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("DeleteMarkers", []):
                yield f"{bucket}/{each['Key']} (deleted)", each["Key"].encode()
            for each in page.get("Versions", []):
                place = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
                body = s3.get_object(**place)["Body"].read()
                yield f"{bucket}/{each['Key']} {each['VersionId']}", each["Key"].encode() + b"\n" + body
        for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads") or []:
            yield f"{bucket}/{upload['Key']} (unfinished)", upload["Key"].encode()


def wait(until: Any) -> None:
    wait_for("the office to follow", until, seconds=30)
