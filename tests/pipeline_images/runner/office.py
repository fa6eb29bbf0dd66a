"""An office as a runner sees it: buckets, a ledger with one run, an upload, a reference; and its job."""

import hashlib
import io
import json
import sys
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from runner.aws import Clients, clients
from runner.environment import job_from
from runner.job import Attempt
from runner.stop import Stop

# One for all tests: loading botocore's models takes longer than a whole attempt.
SESSION = boto3.session.Session(
    aws_access_key_id="222222222222", aws_secret_access_key="none", region_name="eu-central-1"
)

FASTQ = b"".join(b"@read%d\nACGTACGTAC\n+\nIIIIIIIIII\n" % n for n in range(200))

# A pipeline of a few lines: counts the reads, and looks at its reference.
PIPELINE = """
import json, os, pathlib, sys
source, results = map(pathlib.Path, sys.argv[1:])
lines = sum(len(f.read_bytes().splitlines()) for f in sorted(source.rglob("*.fastq")))
if not lines:
    print("no reads in the upload", file=sys.stderr)
    sys.exit(65)
(results / "tables").mkdir()
(results / "tables/reads.tsv").write_text(f"reads\\t{lines // 4}\\n")
genome = pathlib.Path(os.environ["REFERENCES"], "host", "genome.fa").read_text()
(results / "report.html").write_text(f"<p>{lines // 4} reads against {len(genome)} bases</p>")
pathlib.Path(os.environ["PIPELINE_META"], "tools.json").write_text(json.dumps({"counter": "1.0"}))
"""


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A plain tar, as a branch would make it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def sums_of(files: Mapping[str, bytes]) -> bytes:
    return b"".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n".encode() for name, c in files.items())


@dataclass(kw_only=True)
class Office:
    """Fresh buckets and a ledger at the endpoint."""

    endpoint: str
    home: Path
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:10]}")
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = clients("eu-central-1", self.endpoint, SESSION)
        for bucket in (self.uploads, self.results, self.references):
            self.clients.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
            self.clients.s3.put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        self.clients.dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        self.publish_reference(
            "genome", "1", {"genome.fa": b">chr\nACGTACGT\n", "deep/notes.txt": b"x" * 1000}
        )

    @property
    def uploads(self) -> str:
        return f"{self.name}-uploads"

    @property
    def results(self) -> str:
        return f"{self.name}-results"

    @property
    def references(self) -> str:
        return f"{self.name}-references"

    def publish_reference(
        self, name: str, version: str, files: Mapping[str, bytes], sums: bytes | None = None
    ) -> None:
        listed = sums_of(files) if sums is None else sums
        for path, content in {**files, "SHA256SUMS": listed}.items():
            self.clients.s3.put_object(Bucket=self.references, Key=f"{name}/{version}/{path}", Body=content)

    def sample(self, archive: bytes | None = None, pipeline: str = PIPELINE) -> "Sample":
        """Upload an archive, and write its run into the ledger."""
        body = tar_of({"s1_R1.fastq": FASTQ, "s1_R2.fastq": FASTQ}) if archive is None else archive
        sample = Sample(office=self, run_id=f"r{uuid.uuid4().hex}", pipeline=pipeline)
        put = self.clients.s3.put_object(Bucket=self.uploads, Key=sample.key, Body=body)
        sample.version_id = put["VersionId"]
        self.clients.dynamodb.put_item(
            TableName=self.name,
            Item={
                "pk": {"S": f"run#{sample.run_id}"},
                "sk": {"S": "run"},
                "state": {"S": "submitted"},
                "attempt": {"N": "1"},
            },
        )
        return sample


@dataclass(kw_only=True)
class Sample:
    """One run of the office."""

    office: Office
    run_id: str
    pipeline: str
    version_id: str = ""

    @property
    def key(self) -> str:
        return f"metagenome/p1/{self.run_id}/input.tar"

    @property
    def prefix(self) -> str:
        return f"metagenome/p1/s1/{self.run_id}/"

    def environ(self, attempt: int = 1, **changed: str) -> dict[str, str]:
        """What Batch would give the container."""
        script = self.office.home / f"{hashlib.sha256(self.pipeline.encode()).hexdigest()[:12]}.py"
        script.write_text(self.pipeline)
        return {
            "PATH": "/usr/bin:/bin",
            "OFFICE": "eu",
            "RUN_ID": self.run_id,
            "ATTEMPT": str(attempt),
            "PIPELINE": "metagenome",
            "PIPELINE_VERSION": "0.1.0",
            "RELEASE_DIGEST": f"sha256:{'0' * 64}",
            "PROJECT": "p1",
            "SAMPLE": "s1",
            "UPLOADS_BUCKET": self.office.uploads,
            "UPLOAD_KEY": self.key,
            "UPLOAD_VERSION_ID": self.version_id,
            "RESULTS_BUCKET": self.office.results,
            "RESULTS_PREFIX": self.prefix,
            "REFERENCES_BUCKET": self.office.references,
            "REFERENCES": json.dumps({"host": ["genome", "1"]}),
            "LEDGER": self.office.name,
            "VCPUS": "2",
            "MEMORY_MIB": "1000",
            "AWS_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": self.office.endpoint,
            "AWS_BATCH_JOB_ID": f"job-{self.run_id}-{attempt}",
            "SCRATCH": str(self.office.home / "scratch"),
            "PIPELINE_COMMAND": f"{sys.executable} {script}",
        } | changed

    def attempt(self, number: int = 1, stop: Stop | None = None, **changed: str) -> Attempt:
        environ = self.environ(number, **changed)
        return Attempt(
            job=job_from(environ),
            clients=clients("eu-central-1", self.office.endpoint, SESSION),
            environ=environ,
            stop=stop or Stop(),
            beat_s=0.05,
        )

    def next_attempt(self, number: int) -> None:
        """What the progress function does when an attempt has ended."""
        self.set(attempt={"N": str(number)})

    def set(self, **attributes: dict[str, str]) -> None:
        names = {f"#{name}": name for name in attributes}
        self.office.clients.dynamodb.update_item(
            TableName=self.office.name,
            Key={"pk": {"S": f"run#{self.run_id}"}, "sk": {"S": "run"}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )

    def item(self) -> dict[str, Any]:
        answer = self.office.clients.dynamodb.get_item(
            TableName=self.office.name, Key={"pk": {"S": f"run#{self.run_id}"}, "sk": {"S": "run"}}
        )
        item: dict[str, Any] = answer["Item"]
        return item

    def said(self) -> tuple[int, str] | None:
        said = self.item().get("said", {}).get("M")
        return (int(said["code"]["N"]), said["message"]["S"]) if said else None

    def objects(self) -> dict[str, bytes]:
        """All that lies below the run's prefix."""
        s3 = self.office.clients.s3
        listed = s3.list_objects_v2(Bucket=self.office.results, Prefix=self.prefix).get("Contents", [])
        return {
            entry["Key"].removeprefix(self.prefix): s3.get_object(
                Bucket=self.office.results, Key=entry["Key"]
            )["Body"].read()
            for entry in listed
        }

    def result(self) -> dict[str, Any] | None:
        """The manifest, once every file it lists is there and right; None when nothing is published."""
        objects = self.objects()
        if "manifest.json" not in objects:
            return None
        manifest: dict[str, Any] = json.loads(objects["manifest.json"])
        for file in manifest["files"]:
            content = objects[file["path"]]
            assert len(content) == file["size"]
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
        return manifest
