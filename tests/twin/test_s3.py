"""What the twin's S3 adds to ministack's, where the product relies on it."""

import base64
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twin.server import Twin

BUCKET = "ranges-of-versions"


@pytest.fixture(scope="module")
def versions(running: Twin) -> tuple[Any, list[str]]:
    """Two versions of one key: the older of 100 bytes, the newer of 50."""
    s3 = running.client("s3", "eu")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    bodies = (bytes(range(100)), bytes(range(100, 150)))
    return s3, [s3.put_object(Bucket=BUCKET, Key="a/b", Body=body)["VersionId"] for body in bodies]


@pytest.mark.parametrize(
    ("number", "asked", "first", "count"),
    [
        (0, "bytes=10-19", 10, 10),
        (0, "bytes=90-", 90, 10),
        (0, "bytes=90-500", 90, 10),
        (0, "bytes=-5", 95, 5),
        (1, "bytes=0-0", 100, 1),
        (1, "bytes=40-", 140, 10),
    ],
)
def test_a_part_of_a_version_is_that_part_alone(
    versions: tuple[Any, list[str]], number: int, asked: str, first: int, count: int
) -> None:
    """The runner reads an upload by parts of its version: a whole object for each part would be read as a
    damaged tar.
    """
    s3, ids = versions
    answer = s3.get_object(Bucket=BUCKET, Key="a/b", VersionId=ids[number], Range=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["Body"].read() == bytes(range(first, first + count))
    assert answer["ContentLength"] == count
    whole = 100 if number == 0 else 50
    start = first - (100 if number else 0)
    assert answer["ContentRange"] == f"bytes {start}-{start + count - 1}/{whole}"


def test_the_newest_version_is_read_by_parts_without_its_id(versions: tuple[Any, list[str]]) -> None:
    """A download by the aws command line, in parts, must not differ."""
    s3, _ = versions
    assert s3.get_object(Bucket=BUCKET, Key="a/b", Range="bytes=1-3")["Body"].read() == bytes([101, 102, 103])


def test_a_part_beyond_the_end_is_refused_and_no_range_gives_the_whole(
    versions: tuple[Any, list[str]],
) -> None:
    """S3 says 416; bytes that are not there must not come as none."""
    s3, ids = versions
    with pytest.raises(ClientError, match=r"InvalidRange|416"):
        s3.get_object(Bucket=BUCKET, Key="a/b", VersionId=ids[0], Range="bytes=100-")
    whole = s3.get_object(Bucket=BUCKET, Key="a/b", VersionId=ids[0], Range="lines=1-2")
    assert whole["Body"].read() == bytes(range(100))
    with pytest.raises(ClientError, match=r"PreconditionFailed|412"):
        s3.get_object(Bucket=BUCKET, Key="a/b", VersionId=ids[0], Range="bytes=0-1", IfMatch='"other"')


@pytest.mark.parametrize("target", ["another-accounts-inbox", "an-accounts-own"])
def test_a_copy_answers_with_the_checksum_of_what_it_copied(running: Twin, target: str) -> None:
    """A delivery into a partner's bucket is checked by it, and would be refused though it is whole."""
    eu, us = running.client("s3", "eu"), running.client("s3", "us")
    body = b"results"
    eu.create_bucket(
        Bucket=f"from-{target}", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    eu.put_object(Bucket=f"from-{target}", Key="a/ü.txt", Body=body)
    owner = us if target.startswith("another") else eu
    owner.create_bucket(Bucket=target, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    copy = {
        "Bucket": target,
        "Key": "b",
        "CopySource": {"Bucket": f"from-{target}", "Key": "a/ü.txt"},
        "ChecksumAlgorithm": "SHA256",
    }
    if owner is us:
        with pytest.raises(ClientError, match="AccessDenied"):
            eu.copy_object(**copy)
        allow = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{target}/*",
        }
        us.put_bucket_policy(
            Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        )
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert eu.copy_object(**copy)["CopyObjectResult"]["ChecksumSHA256"] == sha
    assert owner.get_object(Bucket=target, Key="b")["Body"].read() == body
    assert owner.head_object(Bucket=target, Key="b", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
