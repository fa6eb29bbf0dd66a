"""`fleet restore`: a ledger that has lost items gets them back, and nothing that it should not have."""

from datetime import UTC, datetime
from typing import Any

from fleet.access import ledger_table
from handlers import erasure, ledger
from handlers.erasure import FOLDER
from handlers.items import get, typed
from handlers.ledger import run_key
from handlers.notify import pseudonym_key
from tests.fleet.lab import Offices, moved, run
from tests.fleet.test_recall import offices  # noqa: F401  (with buckets)

COPY = "globalbi-eu-ledger-restored"


def restored(lab: Offices) -> None:
    """As DynamoDB does it: the ledger as it is now, as another table."""
    dynamodb = lab.access.client("dynamodb", lab.office("eu"))
    if COPY in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=COPY)
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=ledger_table(lab.office("eu")), TargetTableName=COPY, UseLatestRestorableTime=True
    )


def lose(lab: Offices, *keys: dict[str, str]) -> None:
    eu = lab.office("eu")
    for key in keys:
        lab.access.client("dynamodb", eu).delete_item(TableName=ledger_table(eu), Key=typed(key))


def fates(lab: Offices) -> dict[str, Any]:
    answer = lab.fleet("restore", "eu", "--from", COPY, "--yes", "--json")
    assert answer.code == 0, answer.err
    told: dict[str, Any] = answer.json
    return told


def test_what_is_lost_comes_back_and_what_is_newer_stays(offices: Offices) -> None:  # noqa: F811
    """A ledger that was emptied by mistake is an office that analyses everything once more."""
    lost, changed = moved(run(1), "succeeded"), run(2)
    offices.everywhere("eu", lost, changed)
    context = offices.access.context(offices.office("eu"))
    restored(offices)
    assert ledger.advance(context, moved(changed, "running"))
    lose(offices, run_key(lost.run_id), {"pk": "sample#metagenome/soil/S1", "sk": "sample"})
    assert offices.fleet("check", "eu").code == 1
    told = fates(offices)
    assert (told["put back"], told["of erased samples, left out"]) == (2, 0)
    held = ledger.read_run(context, lost.run_id)
    assert held is not None
    assert (held.state, held.sample) == ("succeeded", lost.sample)
    newer = ledger.read_run(context, changed.run_id)
    assert newer is not None
    assert newer.state == "running"
    assert fates(offices)["put back"] == 0, "twice is the same"


def test_an_erased_sample_does_not_come_back_with_the_ledger(offices: Offices) -> None:  # noqa: F811
    """A copy from before the erasure still has the name: to restore it would undo what the law asked for."""
    one, other = moved(run(1), "succeeded"), moved(run(2), "succeeded")
    offices.at_home("eu", one, other)
    eu = offices.office("eu")
    context = offices.access.context(eu)
    hashed = erasure.hash_of(pseudonym_key(context), "soil", "S1")
    restored(offices)
    dynamodb = offices.access.client("dynamodb", eu)
    for item in dynamodb.scan(TableName=ledger_table(eu))["Items"]:  # all of it, with the key of the hashes
        dynamodb.delete_item(TableName=ledger_table(eu), Key={name: item[name] for name in ("pk", "sk")})
    began = datetime.now(UTC).isoformat(timespec="seconds")
    context.clients.s3.put_object(Bucket=context.office.results, Key=f"{FOLDER}/{hashed}/{began}.json")
    told = fates(offices)
    assert told["of erased samples, left out"] == 2
    assert get(context, run_key(one.run_id)) is None
    assert ledger.read_newest(context, one.sample) is None
    assert ledger.read_run(context, other.run_id) is not None


def test_a_table_that_is_not_there_is_said(offices: Offices) -> None:  # noqa: F811
    """In an emergency names are mistyped."""
    answer = offices.fleet("restore", "eu", "--from", "globalbi-nowhere", "--yes")
    assert answer.code == 3
    assert "globalbi-nowhere" in answer.err
