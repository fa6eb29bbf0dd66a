"""Deliveries through the twin: an office with a partner, whose bucket is in an account of its own.

The runs' results are put by hand, their ends are found by the office's own reconcile function; from there on
everything is the office's: the plan, the event, the rule, the queue, the function, the copies. ministack
judges another account's bucket policy by the caller's account, not by its role.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import CliRunner

from components.roster import Fleet
from demo.story import wait_for
from demo.tree import planted
from fleet.access import Access
from fleet.app import app
from handlers import delivery_ledger, ledger
from handlers.context import Context, iso
from handlers.delivery_plan import DELIVERED, REFUSED, Delivery, delivery_id_of
from handlers.run import RUNNING, Run
from tests.fleet.lab import run
from tests.three_offices import copy_stack_files
from twin import credentials, deploy
from twin.offices import SETTINGS
from twin.server import Twin

pytestmark = pytest.mark.xdist_group("delivery")

PART = 5 << 20  # the least that S3 takes
PARTNER, REGION, BUCKET = "444444444444", "eu-central-1", "acme-inbox"
OFFICE_ROOT = "arn:aws:iam::222222222222:root"
FILES = {
    "report.html": b"<html>soil</html>",
    "abundance/species.tsv": b"name\treads\n",
    "reads/clean_R1.fastq.gz": b"reads",
}


def client(service: str, endpoint: str) -> Any:
    """The partner's own."""
    made: Any = boto3.Session(
        aws_access_key_id=PARTNER, aws_secret_access_key="local", region_name=REGION
    ).client
    return made(service, endpoint_url=endpoint, config=SETTINGS)


@dataclass(frozen=True, kw_only=True)
class World:
    """The office and its partner."""

    access: Access
    context: Context
    partner: Any  # the partner's S3

    def opened(self) -> None:
        """The partner lets the office in, as docs/partner-guide.md says."""
        statements: list[dict[str, Any]] = [
            {
                "Action": [
                    *("s3:PutObject", "s3:GetObject"),
                    *("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
                ],
                "Resource": f"arn:aws:s3:::{BUCKET}/globalbi/*",
            },
            {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
        ]
        self.partner.put_bucket_policy(
            Bucket=BUCKET,
            Policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": OFFICE_ROOT}, **each} for each in statements
                    ],
                }
            ),
        )

    def closed(self) -> None:
        self.partner.delete_bucket_policy(Bucket=BUCKET)

    def invoke(self, function: str) -> Any:
        """As its schedule does."""
        lambda_ = self.access.client("lambda", self.access.fleet.office("eu"))
        answer = lambda_.invoke(FunctionName=f"globalbi-eu-{function}", Payload=b"{}")
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told

    def succeeded(
        self,
        number: int,
        sample: str,
        files: dict[str, bytes] = FILES,
        project: str = "soil",
        large: Mapping[str, bytes] = {},
    ) -> Run:
        """A run whose job has ended with results, and nobody has seen it."""
        an_hour_ago = iso((datetime.now(UTC) - timedelta(hours=1)).timestamp())
        one = run(number, project=project, sample=sample, state=RUNNING, updated=an_hour_ago)
        one = replace(one, attempts=tuple(replace(each, job_id=f"gone-{number}") for each in one.attempts))
        known = ledger.read_newest(self.context, one.sample)
        assert ledger.claim(self.context, one, known, None)
        for path, body in files.items():
            self._put(f"{one.results_prefix}{path}", body)
        parts = {path: self._put_parts(f"{one.results_prefix}{path}", body) for path, body in large.items()}
        manifest = {
            "schema": 1,
            "run_id": one.run_id,
            "attempt": 1,
            "release_digest": one.release_digest,
            "upload": {"version_id": one.version_id},
            "files": [
                {
                    "path": path,
                    "size": len(body),
                    "sha256": hashlib.sha256(body).hexdigest(),
                    **({"parts": parts[path]} if path in parts else {}),
                }
                for path, body in {**files, **large}.items()
            ],
        }
        self._put(f"{one.results_prefix}manifest.json", json.dumps(manifest).encode())
        assert self.invoke("reconcile")["JobsLost"] == 1
        return one

    def _put_parts(self, key: str, body: bytes) -> dict[str, Any]:
        """As the runner puts a file that is too large for one put."""
        s3, at = self.context.clients.s3, {"Bucket": self.context.office.results, "Key": key}
        upload = s3.create_multipart_upload(**at, ChecksumAlgorithm="SHA256")["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(body), PART), start=1):
            put = s3.upload_part(
                **at,
                UploadId=upload,
                PartNumber=number,
                Body=body[start : start + PART],
                ChecksumAlgorithm="SHA256",
            )
            parts.append({"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": put["ChecksumSHA256"]})
        s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
        return {"bytes": PART, "checksum": s3.head_object(**at, ChecksumMode="ENABLED")["ChecksumSHA256"]}

    def _put(self, key: str, body: bytes) -> None:
        self.context.clients.s3.put_object(
            Bucket=self.context.office.results, Key=key, Body=body, ChecksumAlgorithm="SHA256"
        )

    def delivery(self, one: Run) -> Delivery | None:
        agreed = self.access.fleet.office("eu").agreements
        [agreement] = [each for each in agreed if each.covers(one.sample)]
        return delivery_ledger.read(self.context, delivery_id_of(agreement, one.run_id))

    def becomes(self, one: Run, state: str) -> Delivery:
        def found() -> Delivery | None:
            known = self.delivery(one)
            return known if known and known.state == state else None

        delivery: Delivery = wait_for(f"the delivery to be {state}", found, seconds=30)
        return delivery

    def inbox(self, delivery: Delivery) -> dict[str, bytes]:
        """What the partner has of a delivery."""
        folder = f"globalbi/{delivery.delivery_id}/"
        listed = self.partner.list_objects_v2(Bucket=BUCKET, Prefix=folder).get("Contents", [])
        return {
            each["Key"].removeprefix(folder): self.partner.get_object(Bucket=BUCKET, Key=each["Key"])[
                "Body"
            ].read()
            for each in listed
        }

    def receive(self, delivery: Delivery) -> None:
        body = {
            "delivery": delivery.delivery_id,
            "manifest_sha256": hashlib.sha256(self.inbox(delivery)["delivery.json"]).hexdigest(),
            "accepted": True,
        }
        key = f"globalbi/{delivery.delivery_id}/received.json"
        self.partner.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(body).encode())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = planted(tmp_path_factory.mktemp("tree"))
    copy_stack_files(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("home") / "twin"))
        with Twin(root=root) as twin:
            partner = client("s3", twin.endpoint)
            partner.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            key = client("kms", twin.endpoint).create_key()["KeyMetadata"]["Arn"]
            agree(root / "Pulumi.eu.yaml", key)
            deploy.up("eu", root=root)
            access = Access(fleet=Fleet.load(root), endpoint=twin.endpoint)
            context = access.context(access.fleet.office("eu"))
            yield World(access=access, context=context, partner=partner)


def agree(stack: Path, key: str) -> None:
    office = yaml.safe_load(stack.read_text())
    office["config"]["globalbi:partners"] = {
        "acme": {
            "contact": "data@acme.example",
            "account": PARTNER,
            "bucket": BUCKET,
            "prefix": "globalbi/",
            "keyArn": key,
        },
        "clinic": {"contact": "lab@clinic.example", "links": True},
    }
    office["config"]["globalbi:deliveries"] = [
        {
            "partner": "acme",
            "pipeline": "metagenome",
            "project": "soil",
            "names": ["report", "tables", "passport.json"],
        },
        {"partner": "clinic", "pipeline": "metagenome", "project": "water", "names": ["report"]},
    ]
    stack.write_text(yaml.safe_dump(office))


def test_a_run_is_delivered_acknowledged_and_superseded_by_its_re_analysis(world: World) -> None:
    """What the office promises its partner: whole, checksummed, told when something better replaces it."""
    world.opened()
    first = world.succeeded(1, "S1")
    sent = world.becomes(first, DELIVERED)
    have = world.inbox(sent)
    named = {"report.html", "abundance/species.tsv", "passport.json"}
    assert have.keys() == {*named, "delivery.json"}, "no reads unless said"
    manifest = json.loads(have["delivery.json"])
    assert {each["path"]: each["sha256"] for each in manifest["files"]} == {
        path: hashlib.sha256(body).hexdigest() for path, body in have.items() if path != "delivery.json"
    }
    world.receive(sent)
    world.invoke("delivery")
    assert world.becomes(first, "acknowledged")

    second = world.succeeded(2, "S1", {**FILES, "report.html": b"<html>better</html>"})
    better = world.becomes(second, DELIVERED)
    assert world.inbox(better)["report.html"] == b"<html>better</html>"
    notice = json.loads(world.inbox(sent)["superseded.json"])
    assert notice["superseded_by"] == better.delivery_id
    assert world.becomes(first, "superseded")


def test_a_partner_verifies_what_it_was_delivered(world: World, tmp_path: Path) -> None:
    """With the office's public key alone; and a table that was changed on the way is found."""
    world.opened()
    one = world.succeeded(5, "S5")
    for path, body in world.inbox(world.becomes(one, DELIVERED)).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(body)
    s3, results = world.context.clients.s3, world.context.office.results
    [published] = s3.list_objects_v2(Bucket=results, Prefix="passport-keys/")["Contents"]
    (tmp_path / "eu.pem").write_bytes(s3.get_object(Bucket=results, Key=published["Key"])["Body"].read())
    words = ["verify", str(tmp_path / "passport.json"), "--key", str(tmp_path / "eu.pem"), "--json"]
    verified = CliRunner().invoke(app, words)
    assert verified.exit_code == 0, verified.stderr
    told = json.loads(verified.stdout)
    assert told["run_id"] == one.run_id
    assert told["files"]["same"] == ["abundance/species.tsv", "report.html"]
    (tmp_path / "abundance" / "species.tsv").write_bytes(b"name\treads\nBacillus\t9\n")
    assert CliRunner().invoke(app, words).exit_code == 1


def test_nobody_but_who_ends_runs_signs(world: World) -> None:
    """A passport is worth what its key's policy is: another role may be given the right to sign, in vain."""
    office = world.access.fleet.office("eu")
    iam, key = world.access.client("iam", office), world.context.office.passport_key
    assert key == ""  # the command has none either
    key = world.access.context_of_functions(office).office.passport_key
    allow = {"Effect": "Allow", "Action": "kms:Sign", "Resource": key}
    for role, signs in (("globalbi-eu-delivery", False), ("globalbi-eu-reconcile", True)):
        iam.put_role_policy(
            RoleName=role,
            PolicyName="sign",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )
        kms = credentials.assume("eu", role).client("kms", endpoint_url=world.access.endpoint)
        ask = partial(
            kms.sign, KeyId=key, Message=b"\0" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
        )
        if signs:
            assert ask()["Signature"]
        else:
            with pytest.raises(kms.exceptions.ClientError, match="AccessDenied"):
                ask()


def test_a_refused_delivery_is_made_when_the_partner_has_mended_its_policy(world: World) -> None:
    """A slip in the partner's bucket policy would cost it the results."""
    world.closed()
    one = world.succeeded(3, "S3")
    refused = world.becomes(one, REFUSED)
    assert (refused.failure, refused.tries) == ("access denied", 1)
    assert world.inbox(refused) == {}
    assert world.invoke("delivery")["DeliveriesRefused"] == 1, "the alarm lasts as long as the refusal"
    world.opened()
    # Five minutes go by.
    assert delivery_ledger.advance(world.context, refused.moved(REFUSED, "2026-01-01T00:00:00.000Z"))
    world.invoke("delivery")
    whole = world.becomes(one, DELIVERED)
    assert "delivery.json" in world.inbox(whole)


def test_a_lost_event_is_made_up_for(world: World) -> None:
    """EventBridge gives up after a day; a queue may be emptied by mistake. The partner still gets its own."""
    world.opened()
    events = world.access.client("events", world.access.fleet.office("eu"))
    events.disable_rule(Name="globalbi-eu-succeeded")
    try:
        one = world.succeeded(4, "S4")
        planned = world.becomes(one, "planned")
    finally:
        events.enable_rule(Name="globalbi-eu-succeeded")
    # Ten minutes go by.
    assert delivery_ledger.advance(world.context, planned.moved("planned", "2026-01-01T00:00:00.000Z"))
    world.invoke("delivery")
    assert "delivery.json" in world.inbox(world.becomes(one, DELIVERED))


def test_a_partner_without_a_bucket_is_delivered_once_a_person_makes_links(
    world: World, tmp_path: Path
) -> None:
    """The function may put a manifest beside the results, and no more; a person is called for the rest."""
    one = world.succeeded(6, "W1", project="water")
    sent = world.becomes(one, DELIVERED)
    assert world.invoke("delivery")["LinksDue"] == 1
    words = ["links", sent.delivery_id, "--out", str(tmp_path), "--json"]
    made = CliRunner().invoke(app, words, obj=world.access)
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert [each["path"] for each in told["files"]] == ["report.html"]
    assert "LinksDue" not in world.invoke("delivery")
    s3, results = world.context.clients.s3, world.context.office.results
    folder = f"deliveries/clinic/{sent.delivery_id}/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=results, Prefix=folder)["Contents"]]
    assert keys == [f"{folder}delivery.json"], "the results stay where they are"
    body = json.dumps(told["receipt"]["body"]).encode()
    s3.put_object(Bucket=results, Key=f"{folder}received.json", Body=body)
    world.invoke("delivery")
    assert world.becomes(one, "acknowledged")


def test_a_file_of_parts_goes_whole_into_the_partners_bucket(world: World) -> None:
    """From one account into another, by the function's own role: each part, then all of them at once."""
    world.opened()
    table = b"name\treads\n" * (1 << 20)
    one = world.succeeded(7, "S7", large={"abundance/genes.tsv": table})
    sent = world.becomes(one, DELIVERED)
    assert world.inbox(sent)["abundance/genes.tsv"] == table
    head = world.partner.head_object(
        Bucket=BUCKET,
        Key=f"globalbi/{sent.delivery_id}/abundance/genes.tsv",
        ChecksumMode="ENABLED",
    )
    assert head["ChecksumSHA256"].endswith("-3")
    assert not world.partner.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
