"""Deliveries: complete or absent, once, and none lost when a partner's bucket refuses for a while."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers import delivery
from handlers.agreement import Agreement
from handlers.delivery_plan import (
    LARGEST_COPY,
    LONGEST_BACKOFF_S,
    Unfit,
    backoff_s,
    chosen,
    class_of,
    delivery_id_of,
)
from tests.handlers.aws_fakes import RESULTS, Call, Killed, World, sqs
from tests.handlers.lab import succeeded

PARTNER = Agreement(
    partner="acme",
    account="444444444444",
    bucket="acme-inbox",
    key="arn:aws:kms:eu-central-1:444444444444:key/1",
    prefix="globalbi/",
    pipeline="metagenome",
    project="soil",
    names=("report",),
)


def event_of(run_id: str) -> dict[str, Any]:
    return {"source": "globalbi.office", "detail": {"run_id": run_id, "state": "succeeded"}}


def hand(world: World, *run_ids: str, agreement: Agreement = PARTNER, seed: int = 0) -> list[str]:
    """Deliver events to the delivery function; returns the ids of the records that go back."""
    events = sqs(*(event_of(each) for each in run_ids))
    answer = delivery.handle(events, world.context(seed=seed), [agreement])
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def item(world: World, run_id: str, agreement: Agreement = PARTNER) -> dict[str, Any]:
    return world._items()[f"delivery#{delivery_id_of(agreement, run_id)}"]


def held(world: World, run_id: str, agreement: Agreement = PARTNER) -> dict[str, int]:
    """What the partner has of a run's delivery: how often each object was written."""
    folder = f"{agreement.prefix}{delivery_id_of(agreement, run_id)}/"
    return {
        key.removeprefix(folder): len(versions)
        for (bucket, key), versions in world.objects.items()
        if bucket == agreement.bucket and key.startswith(folder)
    }


def receive(world: World, run_id: str, **told: Any) -> None:
    """The partner's receipt."""
    delivery_id = delivery_id_of(PARTNER, run_id)
    body = {
        "delivery": delivery_id,
        "manifest_sha256": item(world, run_id)["manifest_sha256"],
        "accepted": True,
        **told,
    }
    world.put(PARTNER.bucket, f"globalbi/{delivery_id}/received.json", json.dumps(body).encode())


def test_a_delivery_holds_what_it_names_under_a_checksummed_manifest(world: World) -> None:
    """A partner could not tell a whole delivery from half of one, or would get reads nobody agreed to."""
    run_id = succeeded(world)
    assert hand(world, run_id) == []
    assert held(world, run_id) == {"report.html": 1, "delivery.json": 1}
    manifest = world.json_object(f"globalbi/{delivery_id_of(PARTNER, run_id)}/delivery.json", PARTNER.bucket)
    assert manifest is not None
    assert manifest["release_digest"] == world.run_item(run_id)["release_digest"]
    assert [each["path"] for each in manifest["files"]] == ["report.html"]
    assert item(world, run_id)["state"] == "delivered"


def test_a_repeated_event_sends_nothing_again(world: World) -> None:
    """The partner's own processing would start a second time."""
    run_id = succeeded(world)
    hand(world, run_id)
    calls = len(world.calls)
    assert hand(world, run_id, run_id) == []
    assert {call.service for call in world.calls[calls:]} == {"dynamodb"}


def test_another_project_is_not_delivered(world: World) -> None:
    """A customer's results would go to somebody else's partner."""
    run_id = succeeded(world)
    hand(world, run_id, agreement=replace(PARTNER, project="water"))
    assert held(world, run_id) == {}


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"])
def test_a_refused_delivery_is_made_once_the_bucket_takes_it(world: World, code: str) -> None:
    """A partner's mistake in a policy would cost them the delivery."""
    run_id = succeeded(world)
    world.refusing[PARTNER.bucket] = code
    assert hand(world, run_id) == []
    assert item(world, run_id)["state"] == "refused"
    assert held(world, run_id) == {}
    world.sleep(backoff_s(1))
    delivery.sweep(world.context(), [PARTNER])
    assert item(world, run_id)["state"] == "refused"
    world.refusing.clear()
    world.sleep(backoff_s(2))
    delivery.sweep(world.context(), [PARTNER])
    assert item(world, run_id)["state"] == "delivered"
    assert held(world, run_id) == {"report.html": 1, "delivery.json": 1}


def test_the_partners_receipt_closes_a_delivery(world: World) -> None:
    """Nobody would know that the partner has it."""
    run_id = succeeded(world)
    hand(world, run_id)
    delivery.sweep(world.context(), [PARTNER])
    assert item(world, run_id)["state"] == "delivered"
    receive(world, run_id)
    delivery.sweep(world.context(), [PARTNER])
    assert item(world, run_id)["state"] == "acknowledged"
    assert "open" not in item(world, run_id)


@pytest.mark.parametrize("told", [{"accepted": False}, {"delivery": "d0"}, {"manifest_sha256": "0"}])
def test_a_receipt_that_refuses_or_is_of_something_else_is_no_receipt(world: World, told: Any) -> None:
    """A delivery the partner cannot use would count as received, and be sent over and over."""
    run_id = succeeded(world)
    hand(world, run_id)
    receive(world, run_id, **told)
    context = world.context()
    delivery.sweep(context, [PARTNER])
    assert context.counts["ReceiptsRefused"] == 1
    assert item(world, run_id)["state"] == "refused"
    delivery.sweep(world.context(), [PARTNER])
    hand(world, run_id)
    assert held(world, run_id)["report.html"] == 1
    assert item(world, run_id)["state"] == "refused"


def test_a_late_receipt_is_counted_for_the_alarm(world: World) -> None:
    """A delivery that nobody picked up would stay unseen."""
    run_id = succeeded(world)
    hand(world, run_id)
    world.sleep(PARTNER.receipt_within_s + 1)
    context = world.context()
    delivery.sweep(context, [PARTNER])
    assert context.counts["ReceiptsLate"] == 1


def test_heads_close_a_delivery_only_while_every_object_is_right(world: World) -> None:
    """A delivery whose file was lost or changed would count as received."""
    agreement = replace(PARTNER, receipt="heads")
    run_id = succeeded(world)
    hand(world, run_id, agreement=agreement)
    key = (PARTNER.bucket, f"globalbi/{delivery_id_of(agreement, run_id)}/report.html")
    good = world.objects[key]
    world.objects[key] = [replace(good[-1], checksums={"SHA256": "other"})]
    delivery.sweep(world.context(), [agreement])
    assert item(world, run_id)["state"] == "delivered"
    world.objects[key] = good
    delivery.sweep(world.context(), [agreement])
    assert item(world, run_id)["state"] == "acknowledged"


def test_a_newer_result_supersedes_the_earlier_delivery_with_a_notice(world: World) -> None:
    """The partner would go on working with results that were replaced."""
    old = succeeded(world)
    hand(world, old)
    world.sleep(60)
    new = succeeded(world, body=b"better reads")
    hand(world, new)
    assert item(world, old)["state"] == "superseded"
    assert held(world, old)["superseded.json"] == 1
    assert item(world, new)["state"] == "delivered"


def test_an_older_result_that_comes_late_does_not_supersede_the_newer(world: World) -> None:
    """Events come in any order: the partner would be told to use the older results."""
    old = succeeded(world)
    world.sleep(60)
    new = succeeded(world, body=b"better reads")
    hand(world, new)
    hand(world, old)
    assert item(world, old)["state"] == "superseded"
    assert "delivery.json" not in held(world, old)
    assert "superseded.json" not in held(world, new)
    assert item(world, new)["state"] == "delivered"


def test_bytes_that_are_not_the_runs_never_complete_a_delivery(world: World) -> None:
    """A partner would get a damaged file under a manifest that calls it good."""
    run_id = succeeded(world)
    world.put(RESULTS, f"{world.run_item(run_id)['results_prefix']}report.html", b"<html>damage</html>")
    hand(world, run_id)
    assert item(world, run_id)["failure"] == "content"
    assert "delivery.json" not in held(world, run_id)


def test_a_strange_manifest_is_never_overwritten(world: World) -> None:
    """The promise that a manifest never changes would be broken."""
    run_id = succeeded(world)
    key = f"globalbi/{delivery_id_of(PARTNER, run_id)}/delivery.json"
    world.put(PARTNER.bucket, key, b"{}")
    hand(world, run_id)
    assert held(world, run_id)["delivery.json"] == 1
    assert item(world, run_id)["state"] == "refused"


def test_a_bucket_that_changed_hands_gets_nothing(world: World) -> None:
    """A bucket's name is free once deleted: a stranger who takes it would get the results."""
    run_id = succeeded(world)
    world.owners[PARTNER.bucket] = "999999999999"
    hand(world, run_id)
    assert held(world, run_id) == {}
    assert item(world, run_id)["failure"] == "access denied"


def test_a_lost_reply_goes_back_to_the_queue() -> None:
    """It would be taken for a refusal, and an alarm would call a person for nothing."""
    assert class_of(ReadTimeoutError(endpoint_url="https://s3")) == "throttling"


def test_a_key_that_denies_is_told_apart_from_a_bucket_that_denies() -> None:
    """The partner would be sent to look at the wrong policy."""
    told = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: kms:GenerateDataKey"}}
    assert class_of(ClientError(told, "CopyObject")) == "key denied"  # type: ignore[arg-type]


def test_a_file_that_one_copy_cannot_take_is_said_to_be_too_large() -> None:
    """The copy would fail with words that nobody understands."""
    with pytest.raises(Unfit, match="5 GB"):
        chosen([{"path": "a.fastq.gz", "size": LARGEST_COPY + 1, "sha256": "0"}], ["reads"])


@pytest.mark.parametrize("fault", ["killed before", "killed after", "lost", "throttled"])
def test_wherever_the_function_stops_the_delivery_is_completed_once(world: World, fault: str) -> None:
    """Each call may be the last one, or its reply may be lost: no delivery is lost, partial or doubled."""
    run_id = succeeded(world)
    before = world.snapshot()
    completed = False
    for position in range(1, 40):
        world.restore(before)
        world.calls.clear()

        def faults(call: Call, at: int = position) -> str | None:
            return fault if call.number == at else None

        world.faults = faults
        try:
            back = hand(world, run_id)
        except Killed:
            back = ["m0"]
        completed = len(world.calls) < position
        world.faults = lambda call: None
        if back:
            assert hand(world, run_id) == []
        assert item(world, run_id)["state"] == "delivered", position
        # botocore itself repeats a copy whose reply was lost: the same bytes again, before the manifest.
        copies = held(world, run_id).pop("report.html")
        assert copies == 1 or (fault == "lost" and copies == 2), position
        assert held(world, run_id)["delivery.json"] == 1, position
        if completed:
            break
    assert completed, "there are more calls than were tried"


@pytest.mark.parametrize("seed", range(5))
def test_under_many_faults_a_partner_gets_every_delivery_once(world: World, seed: int) -> None:
    """Throttling, lost replies, kills, refusals, repeated events: none lost, none twice, none partial."""
    chance = Random(seed)
    runs = [succeeded(world, f"metagenome/soil/S{n}/input.tar") for n in range(8)]

    def faults(call: Call) -> str | None:
        draw = chance.random()
        if draw < 0.20:
            return "throttled"
        if draw < 0.25:
            return "lost"
        return "killed after" if draw < 0.30 else "killed before" if draw < 0.35 else None

    world.faults = faults
    waiting = [*runs, *chance.sample(runs, 4)]
    world.refusing[PARTNER.bucket] = "AccessDenied"
    for round_ in range(400):
        if round_ == 20:
            world.refusing.clear()
        try:
            if waiting:
                run_id = chance.choice(waiting)
                if not hand(world, run_id, seed=round_):
                    waiting.remove(run_id)
            world.sleep(300)
            delivery.sweep(world.context(seed=round_), [PARTNER])
        except Exception:  # the sweep's own query failed: the next pass comes
            continue
        except Killed:
            continue
        whole = [r for r in runs if "delivery.json" in held(world, r)]
        assert all("report.html" in held(world, r) for r in whole)
    world.faults = lambda call: None
    for run_id in waiting:
        assert hand(world, run_id) == []
    world.sleep(LONGEST_BACKOFF_S)
    delivery.sweep(world.context(), [PARTNER])
    assert {item(world, r)["state"] for r in runs} == {"delivered"}
    assert [held(world, r)["delivery.json"] for r in runs] == [1] * len(runs)
