"""Results that are too large for one put: in parts, whole or absent, on the same conditions as others."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from runner import publish
from runner.manifest import ResultFile, files_of
from runner.publish import Prefix
from runner.stop import Stop

MIB = 1 << 20
BUCKET, PREFIX = "large-results", "p/s/r1/"
BROKEN: Any = {"Error": {"Code": "InternalError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Parts of 5 MiB, the least that S3 takes, from 6 MiB on."""
    monkeypatch.setattr(publish, "PUT_BYTES", 6 * MIB)
    monkeypatch.setattr(publish, "PART_BYTES", 5 * MIB)
    client = boto3.Session("222222222222", "none", region_name="us-east-1").client(
        "s3", endpoint_url=endpoint
    )
    client.create_bucket(Bucket=BUCKET)
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    return client


def prefix(s3: Any, confirm: Callable[[], None] = lambda: None) -> Prefix:
    return Prefix(
        s3=s3, bucket=BUCKET, prefix=PREFIX, stop=Stop(), confirm=confirm, metadata={"run-id": "r1"}
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A file of three parts, one of exactly one put, and a small one."""
    chance = random.Random(1)
    for name, size in (("reads.fastq.gz", 11 * MIB + 3), ("edge.bin", 6 * MIB), ("report.html", 9)):
        (tmp_path / name).write_bytes(chance.randbytes(size))
    return tmp_path


def there(s3: Any, name: str) -> tuple[bytes, str]:
    body = s3.get_object(Bucket=BUCKET, Key=PREFIX + name)["Body"].read()
    head = s3.head_object(Bucket=BUCKET, Key=PREFIX + name, ChecksumMode="ENABLED")
    assert head["Metadata"] == {"run-id": "r1"}
    return body, head["ChecksumSHA256"]


def manifest(files: list[ResultFile]) -> dict[str, Any]:
    return {"files": [each.told() for each in files]}


def test_a_large_result_is_published_whole_and_told_with_its_parts(s3: Any, results: Path) -> None:
    """After hours of analysis a deep sample's reads would fail the run at its last step."""
    files = {each.path: each for each in prefix(s3).put_files(results)}
    assert {path: each.parts is not None for path, each in files.items()} == {
        "reads.fastq.gz": True,
        "edge.bin": False,
        "report.html": False,
    }
    for path, each in files.items():
        body, checksum = there(s3, path)
        assert body == (results / path).read_bytes()
        assert each.sha256 == hashlib.sha256(body).hexdigest()
        assert checksum == each.checksum
    assert files["reads.fastq.gz"].checksum.endswith("-3")
    assert files_of(manifest([*files.values()])) == [*files.values()]
    assert "parts" not in files["report.html"].told()


def test_a_second_attempt_finds_the_large_result_published(s3: Any, results: Path) -> None:
    """It would analyse the sample again, and write over a result that is in use."""
    files = prefix(s3).put_files(results)
    assert prefix(s3).put_manifest(manifest(files))
    assert prefix(s3).published() is not None
    with pytest.raises(publish.AlreadyPublished):
        prefix(s3).put_files(results)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}reads.fastq.gz", Body=b"others", ChecksumAlgorithm="SHA256")
    assert prefix(s3).published() is None


def test_another_attempts_large_file_is_replaced_only_as_it_was_seen(s3: Any, results: Path) -> None:
    """An attempt that woke up late would put its file under a newer attempt's manifest."""
    key = f"{PREFIX}reads.fastq.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"an older attempt's", ChecksumAlgorithm="SHA256")
    turns = []

    def confirm() -> None:
        turns.append(1)
        if len(turns) == 1:  # between our look and our put
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"a newer attempt's", ChecksumAlgorithm="SHA256")
        else:
            raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError, match="lease"):
        prefix(s3, confirm).put_files(results)
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"a newer attempt's"


def test_what_breaks_off_between_parts_is_nothing_to_a_reader(
    s3: Any, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file would stand there under its name."""
    real, puts = s3.upload_part, []

    def failing(**arguments: Any) -> Any:
        puts.append(arguments["PartNumber"])
        if len(puts) == 2:
            raise ClientError(BROKEN, "UploadPart")
        return real(**arguments)

    monkeypatch.setattr(s3, "upload_part", failing)
    with pytest.raises(ClientError):
        prefix(s3).put_files(results)
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    assert f"{PREFIX}reads.fastq.gz" not in keys
    monkeypatch.setattr(s3, "upload_part", real)
    prefix(s3).put_files(results)
    assert there(s3, "reads.fastq.gz")[0] == (results / "reads.fastq.gz").read_bytes()


def test_a_file_that_changes_while_it_is_published_is_refused(
    s3: Any, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest would give a SHA-256 that no reader ever finds."""
    real = s3.create_multipart_upload

    def changing(**arguments: Any) -> Any:
        with (results / "reads.fastq.gz").open("r+b") as file:
            file.write(b"changed")
        return real(**arguments)

    monkeypatch.setattr(s3, "create_multipart_upload", changing)
    with pytest.raises(publish.Failed, match="changed while"):
        prefix(s3).put_files(results)
