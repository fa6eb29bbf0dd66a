"""A partner: a bucket in an AWS account of its own, and what its people do there."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import boto3

from twin.offices import SETTINGS, Office

PREFIX = "globalbi/"


@dataclass(frozen=True, kw_only=True)
class Partner:
    """`sender` is the office that delivers; the bucket is in its region."""

    name: str
    account: str
    sender: Office
    endpoint: str

    @property
    def bucket(self) -> str:
        return f"{self.name}-inbox"

    @property
    def s3(self) -> Any:
        """The partner's own client."""
        made: Any = boto3.Session(
            aws_access_key_id=self.account, aws_secret_access_key="local", region_name=self.sender.region
        ).client
        return made("s3", endpoint_url=self.endpoint, config=SETTINGS)

    def settings(self) -> dict[str, str]:
        """Its entry in the office's file."""
        return {
            "contact": f"data@{self.name}.example",
            "account": self.account,
            "bucket": self.bucket,
            "prefix": PREFIX,
        }

    def make_bucket(self) -> None:
        where = {"LocationConstraint": self.sender.region}
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)

    def let_in(self) -> None:
        """The bucket policy of docs/partner-guide.md, but for its condition: the twin judges the policy of
        another account's bucket by the caller's account, not its role.
        """
        office = {"AWS": f"arn:aws:iam::{self.sender.account}:root"}
        objects = f"arn:aws:s3:::{self.bucket}/{PREFIX}*"
        may: list[dict[str, Any]] = [
            {"Action": ["s3:PutObject", "s3:GetObject"], "Resource": objects},
            {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.bucket}"},
        ]
        statements = [{"Effect": "Allow", "Principal": office, **each} for each in may]
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))

    def received(self, delivery: str) -> list[str]:
        """Checks a delivery as docs/partner-guide.md says; the files that differ from `delivery.json`."""
        manifest = json.loads(self._read(f"{delivery}/delivery.json"))
        return [
            each["path"]
            for each in manifest["files"]
            if hashlib.sha256(self._read(f"{delivery}/{each['path']}")).hexdigest() != each["sha256"]
        ]

    def listed(self, delivery: str) -> set[str]:
        """The paths that lie in a delivery's folder."""
        folder = f"{PREFIX}{delivery}/"
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=folder).get("Contents", [])
        return {each["Key"].removeprefix(folder) for each in found}

    def acknowledge(self, delivery: str) -> None:
        digest = hashlib.sha256(self._read(f"{delivery}/delivery.json")).hexdigest()
        told = {"delivery": delivery, "manifest_sha256": digest, "accepted": True}
        key = f"{PREFIX}{delivery}/received.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(told).encode())

    def _read(self, path: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=f"{PREFIX}{path}")["Body"].read())
