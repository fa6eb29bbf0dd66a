"""`fleet erase` in the twin: afterwards the sample's name is nowhere, and its neighbours lost nothing."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from typer.testing import CliRunner

from fleet.app import app
from fleet.cancel import cancelled
from fleet.traces import Named
from handlers import ledger
from handlers.run import ERASED, Run
from tests.erasure.conftest import PROJECT
from tests.erasure.lab import Lab, neighbours, wait, with_traces

pytestmark = pytest.mark.xdist_group("erasure")

WHY = ("--why", "Consent was withdrawn.")


def erase(lab: Lab, sample: str, *more: str) -> Any:
    words = ["erase", f"{PROJECT}/{sample}", "--office", "eu", *WHY, "--json", *more]
    result = CliRunner().invoke(app, words, obj=lab.access)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def tombstones(lab: Lab) -> dict[str, Any]:
    s3, results = lab.context.clients.s3, lab.context.office.results
    listed = s3.list_objects_v2(Bucket=results, Prefix="erasures/").get("Contents", [])
    return {
        each["Key"]: json.loads(s3.get_object(Bucket=results, Key=each["Key"])["Body"].read())
        for each in listed
    }


@pytest.fixture(scope="module")
def before(lab: Lab) -> Run:
    """A sample with traces everywhere, told to headquarters and delivered to its partner."""
    run = with_traces(lab, PROJECT, "Zq7-x", 1)
    lab.delivered(run)
    wait(lambda: lab.row(run.run_id))
    return run


def test_a_dry_run_finds_everything_and_changes_nothing(lab: Lab, before: Run) -> None:
    """What cannot be taken back must be seen first, and a sample in flight is none to erase."""
    there = lab.where_is("Zq7-x")
    answer = erase(lab, "Zq7-x", "--dry-run")
    assert answer.exit_code == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert all(found["found"].values()), found
    assert found["partners"] == ["acme"]
    assert len(found["in_flight"]) == 2  # what was uploaded, and the comparison
    refused = erase(lab, "Zq7-x", "--yes")
    assert refused.exit_code == 5
    assert "--cancel" in refused.stderr
    assert lab.where_is("Zq7-x") == there


def test_nothing_has_the_name_afterwards_and_a_signed_tombstone_says_so(lab: Lab, before: Run) -> None:
    """What the law asks for, proved by a search through every version, item and message of the twin."""
    kept = neighbours(lab, PROJECT)
    assert len(lab.where_is("Zq7-x")) > 20
    answer = erase(lab, "Zq7-x", "--cancel", "--yes")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    lab.invoke("reconcile")
    lab.invoke("desk")
    lab.invoke("delivery")
    wait(lambda: (lab.row(before.run_id) or {}).get("state") == {"S": ERASED})
    assert lab.where_is("Zq7-x") == []
    assert neighbours(lab, PROJECT) == kept

    [stone] = tombstones(lab).values()
    says = json.loads(stone["statement"])
    assert says["sample"] == told["sample"]
    assert (says["why"], says["office"], says["partners_told"]) == (WHY[1], "eu", ["acme"])
    assert says["removed"]["runs"] == 2
    kms = lab.access.client("kms", lab.access.fleet.office("eu"))
    key = load_der_public_key(kms.get_public_key(KeyId=stone["key"])["PublicKey"])
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(base64.b64decode(stone["signature"]), stone["statement"].encode(), ec.ECDSA(SHA256()))

    delivery = lab.delivery(before)
    assert delivery is not None
    assert delivery.state == ERASED
    assert "erased.json" in lab.inbox(delivery), "the partner's copy is the partner's to delete"


def test_twice_is_the_same(lab: Lab, before: Run) -> None:
    """Whoever is unsure gives the command again."""
    first = erase(lab, "Zq7-x", "--yes")
    stones = tombstones(lab)
    second = erase(lab, "Zq7-x", "--yes")
    assert (first.exit_code, first.stdout) == (second.exit_code, second.stdout)
    assert tombstones(lab) == stones
    assert erase(lab, "Never", "--yes").exit_code == 3


def test_late_events_do_not_bring_it_back_and_a_new_upload_is_a_new_sample(lab: Lab, before: Run) -> None:
    """Events wait in queues for days; and who withdraws may come again."""
    assert erase(lab, "Zq7-x", "--cancel", "--yes").exit_code == 0
    run = ledger.read_run(lab.context, before.run_id)
    assert run is not None
    assert run.state == ERASED
    s3_event = {"bucket": {"name": lab.context.office.uploads}}
    version = {"key": f"metagenome/{PROJECT}/Zq7-x/input.tar", "version-id": "gone"}
    mistake = {"key": f"metagenome/{PROJECT}/Zq7-x/Input.tar", "version-id": "gone"}
    created = {"source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-28T00:00:00Z"}
    for item in (version, mistake):
        lab.late("intake", {**created, "detail": {**s3_event, "object": item}})
    job = {"jobName": f"{run.run_id}-1", "jobId": "late", "status": "SUCCEEDED", "jobQueue": "q"}
    lab.late("progress", {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": job})
    lab.invoke("reconcile")
    lab.invoke("desk")
    assert lab.where_is("Zq7-x") == []
    assert ledger.read_run(lab.context, run.run_id) == run

    lab.uploaded(PROJECT, "Zq7-x", b"new consent")
    [open_one] = lab.eraser.in_flight(lab.eraser.look(Named(project=PROJECT, sample="Zq7-x"))[0])
    # As a `fleet cancel` leaves it that was killed half-way: nobody has stopped its job.
    assert ledger.advance(lab.context, cancelled(open_one, "me", "by mistake", lab.context.now))
    assert erase(lab, "Zq7-x", "--dry-run").exit_code == 0
    assert erase(lab, "Zq7-x", "--yes").exit_code == 0
    lab.invoke("reconcile")
    assert len(tombstones(lab)) == 2
    wait(lambda: lab.where_is("Zq7-x") == [])


def test_the_reason_keeps_no_name(lab: Lab) -> None:
    """A tombstone that says 'S1 withdrew' would keep what it says is gone."""
    words = ["erase", "soil/S1", "--office", "eu", "--why", "donor s1 withdrew", "--yes"]
    assert CliRunner().invoke(app, words, obj=lab.access).exit_code == 5
