"""The instance that an attempt ran on, and what it asked of AWS: noted so that its cost can be told."""

import json
from pathlib import Path

import pytest
from runner import job
from runner.host import FILE, Host, host_of

from tests.pipeline_images.runner.office import Office, Sample

SPOT = {"type": "c6id.xlarge", "market": "spot"}
ID = "i-0123456789abcdef0"


def told(sample: Sample) -> dict[str, dict[str, object]]:
    key = {"pk": {"S": f"run#{sample.run_id}"}, "sk": {"S": "run"}}
    item = sample.office.clients.dynamodb.get_item(TableName=sample.office.name, Key=key)["Item"]
    return dict(item["lease_host"])


def says(office: Office, host: dict[str, str]) -> None:
    scratch = office.home / "scratch"
    scratch.mkdir(exist_ok=True)
    (scratch / FILE).write_text(json.dumps(host))


def test_an_attempt_tells_its_instance_with_its_lease(office: Office) -> None:
    """A reclaimed attempt says nothing later: what it cost, and beside whom it ran, is known from its
    beginning, or never.
    """
    says(office, SPOT | {"id": ID})
    sample = office.sample(pipeline="import sys; sys.exit(9)")
    assert job.run(sample.attempt()) != 0
    assert told(sample) == {
        "M": {"attempt": {"N": "1"}, "type": {"S": "c6id.xlarge"}, "market": {"S": "spot"}, "id": {"S": ID}}
    }


def test_an_instance_from_before_it_told_its_id_is_noted_all_the_same(office: Office) -> None:
    """Instances live on while a new runner is rolled out: their runs would have no cost."""
    says(office, SPOT)
    sample = office.sample(pipeline="import sys; sys.exit(9)")
    job.run(sample.attempt())
    assert told(sample) == {
        "M": {"attempt": {"N": "1"}, "type": {"S": "c6id.xlarge"}, "market": {"S": "spot"}}
    }


def test_the_next_attempt_does_not_inherit_an_instance(office: Office) -> None:
    """Priced by the instance of the attempt before, a run on demand would look like one on Spot."""
    says(office, SPOT)
    sample = office.sample(pipeline="import sys; sys.exit(9)")
    job.run(sample.attempt())
    (office.home / "scratch" / FILE).unlink()
    sample.next_attempt(2)
    job.run(sample.attempt(2))
    assert told(sample) == {"NULL": True}


def test_the_manifest_tells_instance_and_requests(office: Office) -> None:
    """Whoever reads a result years later can still tell what it took; whom a result is delivered to learns no
    machine of the office.
    """
    says(office, SPOT | {"id": ID})
    sample = office.sample()
    assert job.run(sample.attempt()) == 0
    manifest = sample.result()
    assert manifest is not None
    assert manifest["instance"] == SPOT
    requests = manifest["resources"]["requests"]
    assert requests["s3:PutObject"] == len(manifest["files"])  # its own put comes after
    assert requests["s3:GetObject"] >= 3  # the upload, the reference, its sums
    assert requests["dynamodb:UpdateItem"] >= 1


def test_requests_that_are_sent_again_are_counted_again(office: Office) -> None:
    """AWS bills each: a count of calls alone would be too low exactly when things go wrong."""
    clients = office.sample().attempt().clients
    answers = iter([503, 503, 200])

    def sent(request: object, **_: object) -> object:
        from botocore.awsrequest import AWSResponse

        class Raw:
            def stream(self, **_: object) -> list[bytes]:
                return []

        return AWSResponse("http://x", next(answers), {}, Raw())

    clients.s3.meta.events.register_last("before-send.s3.HeadObject", sent)
    clients.s3.head_object(Bucket=office.uploads, Key="x")
    assert clients.requests.made()["s3:HeadObject"] == 3


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"type": "c6id.xlarge"}', '{"type": 7, "market": "spot"}',
     '{"type": "", "market": "spot"}', json.dumps({"type": "x" * 65, "market": "spot"})],
)  # fmt: skip
def test_what_is_no_word_of_an_instance_is_not_known(tmp_path: Path, text: str) -> None:
    """A damaged file must neither stop an analysis nor become a price."""
    (tmp_path / FILE).write_text(text)
    assert host_of(tmp_path) is None


def test_an_instance_says_its_type_its_market_and_its_id(tmp_path: Path) -> None:
    """The first two make the price, the id tells the neighbours."""
    (tmp_path / FILE).write_text(json.dumps(SPOT | {"id": ID}))
    assert host_of(tmp_path) == Host(type="c6id.xlarge", market="spot", id=ID)
    assert host_of(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("which", ["", 7, None, "i" * 65, ["i-0"]])
def test_an_id_that_is_none_takes_no_price_away(tmp_path: Path, which: object) -> None:
    """The metadata service may answer two questions and fail at the third."""
    (tmp_path / FILE).write_text(json.dumps(SPOT | {"id": which}))
    assert host_of(tmp_path) == Host(type="c6id.xlarge", market="spot")
