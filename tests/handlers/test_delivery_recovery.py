"""What keeps deliveries going: planned with the run's end, taken up by the schedule, each on its own."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from handlers import delivery, progress, reconcile
from handlers.agreement import agreements_from_json, agreements_to_json, means
from handlers.context import LEAST_S_FOR_A_RECORD
from handlers.delivery_plan import GRACE_S, LONGEST_BACKOFF_S, Unfit, backoff_s, chosen
from tests.handlers.aws_fakes import RESULTS, Call, Killed, World, sqs
from tests.handlers.lab import KEY, started, succeeded
from tests.handlers.test_delivery import PARTNER, hand, held, item, receive


def with_partner(world: World) -> None:
    """From now on the office's functions know the partner."""
    world.office = replace(world.office, agreements=(PARTNER,))


def swept(world: World, agreement: Any = PARTNER) -> dict[str, int]:
    """One pass of the schedule; what it counted."""
    context = world.context()
    delivery.sweep(context, [agreement])
    return dict(context.counts)


def test_a_run_whose_event_is_lost_is_delivered_by_the_schedule(world: World) -> None:
    """A dropped event would cost the partner the results, and nobody would ever know."""
    with_partner(world)
    run_id = succeeded(world)
    assert item(world, run_id)["state"] == "planned"
    assert "follow_due" not in world.run_item(run_id)
    swept(world)
    assert held(world, run_id) == {}, "the event may still be on its way"
    world.sleep(GRACE_S)
    swept(world)
    assert item(world, run_id)["state"] == "delivered"
    assert held(world, run_id) == {"report.html": 1, "delivery.json": 1}


def test_wherever_progress_is_killed_the_delivery_is_planned(world: World) -> None:
    """Between a run's end and its deliveries' plan there would be a gap for a run to fall into."""
    with_partner(world)
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = sqs(world.job_event(f"{run_id}-1", "SUCCEEDED"))
    before = world.snapshot()
    for position in range(1, 40):
        world.restore(before)
        world.calls.clear()

        def faults(call: Call, at: int = position) -> str | None:
            return "killed before" if call.number == at else None

        world.faults = faults
        try:
            progress.handle(event, world.context())
            break  # there are no more calls than that
        except Killed:
            pass
        world.faults = lambda call: None
        for _ in range(2):  # no event comes again: only the schedules do
            world.sleep(GRACE_S)
            reconcile.reconcile(world.context())
        assert item(world, run_id)["state"] == "planned", position
        assert "open" not in world.run_item(run_id), position
        swept(world)
        world.sleep(GRACE_S)
        swept(world)
        assert item(world, run_id)["state"] == "delivered", position
    assert position > 5


def test_a_sample_of_another_project_plans_nothing(world: World) -> None:
    """The ledger would fill with deliveries that nobody agreed to."""
    with_partner(world)
    succeeded(world, KEY.replace("soil", "water"))
    assert not [pk for pk in world._items() if pk.startswith("delivery#")]


def test_a_refusal_is_tried_again_ever_less_often(world: World) -> None:
    """A partner's closed bucket would be knocked at every five minutes for weeks, or never again."""
    run_id = succeeded(world)
    world.refusing[PARTNER.bucket] = "AccessDenied"
    hand(world, run_id)
    tried = []
    for minute in range(0, 24 * 60, 5):
        seen = len(world.calls)
        counts = swept(world)
        if any(call.operation == "CopyObject" for call in world.calls[seen:]):
            tried.append(minute)
        assert counts["DeliveriesRefused"] == 1, "the alarm must last as long as the refusal"
        world.sleep(300)
    assert tried[:4] == [5, 15, 35, 75]
    assert 6 < len(tried) < 12
    assert backoff_s(1000) == LONGEST_BACKOFF_S


def test_what_cannot_be_delivered_does_not_stop_the_others(world: World) -> None:
    """One delivery whose results are gone would keep every partner waiting."""
    agreement = replace(PARTNER, receipt="heads")
    broken, whole = (succeeded(world, f"metagenome/soil/{name}/input.tar") for name in ("S1", "S2"))
    for run_id in (broken, whole):
        hand(world, run_id, agreement=agreement)
    manifest = f"{world.run_item(broken)['results_prefix']}manifest.json"
    told = {**json.loads(world.objects[(RESULTS, manifest)][-1].body), "files": []}
    world.put(RESULTS, manifest, json.dumps(told).encode())
    counts = swept(world, agreement)
    assert counts == {"DeliveriesStuck": 1}
    assert item(world, broken, agreement)["state"] == "delivered"
    assert item(world, whole, agreement)["state"] == "acknowledged"


@pytest.mark.parametrize("lost", ["manifest.json", "report.html"])
def test_a_fault_of_the_offices_own_is_no_refusal(world: World, lost: str) -> None:
    """The partner would be asked to mend a policy that is right, and the office's own fault stays hidden."""
    run_id = succeeded(world)
    key = (RESULTS, f"{world.run_item(run_id)['results_prefix']}{lost}")
    kept = world.objects.pop(key)
    assert hand(world, run_id) == ["m0"]
    assert item(world, run_id)["state"] == "copying"
    world.sleep(GRACE_S)
    assert swept(world) == {"DeliveriesStuck": 1}
    world.objects[key] = kept
    swept(world)
    assert item(world, run_id)["state"] == "delivered"


def test_a_receipt_that_is_denied_since_it_is_absent_is_waited_for(world: World) -> None:
    """Where the office may not list, S3 answers 403 for what is absent: each pass would seem to fail."""
    run_id = succeeded(world)
    hand(world, run_id)

    def faults(call: Call) -> str | None:
        return "denied" if call.operation == "GetObject" else None

    world.faults = faults
    assert swept(world) == {}
    world.sleep(PARTNER.receipt_within_s + 1)
    assert swept(world) == {"ReceiptsLate": 1}


def test_without_a_key_the_partners_bucket_encrypts_by_itself(world: World) -> None:
    """A partner without a key of its own could not be delivered to."""
    agreement = replace(PARTNER, key="")
    run_id = succeeded(world)
    hand(world, run_id, agreement=agreement)
    assert item(world, run_id, agreement)["state"] == "delivered"


FILES = [
    {"path": path, "size": 1, "sha256": "0"}
    for path in (
        *(
            "abundance/species.tsv",
            "diversity.tsv",
            "report.html",
            "reads/kept.tsv.gz",
            "reads/clean_R1.fastq.gz",
        ),
        *("aligned.bam", "summary.json"),
    )
]


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (("report", "tables"), ["abundance/species.tsv", "diversity.tsv", "report.html"]),
        (("*",), ["abundance/species.tsv", "diversity.tsv", "report.html", "summary.json"]),
        (("abundance/*", "summary.json"), ["abundance/species.tsv", "summary.json"]),
        (("*.bam",), ["aligned.bam"]),
        (("reads/*",), ["reads/clean_R1.fastq.gz", "reads/kept.tsv.gz"]),
        (("reads",), ["aligned.bam", "reads/clean_R1.fastq.gz", "reads/kept.tsv.gz"]),
    ],
)
def test_reads_go_only_where_they_are_named(names: tuple[str, ...], paths: list[str]) -> None:
    """People's genomes would leave the office because of an asterisk."""
    assert [each["path"] for each in chosen(FILES, names)] == paths


def test_a_file_that_is_named_must_be_there() -> None:
    """A delivery without the one file it is about would count as complete."""
    with pytest.raises(Unfit, match=r"the run has no mags/\*"):
        chosen(FILES, ("report", "mags/*"))
    assert not means("report", "reports/report.htm")


def test_functions_read_the_agreements_that_the_office_file_says() -> None:
    """Results would go elsewhere than the office file says."""
    agreements = (
        PARTNER,
        replace(PARTNER, project="wässer", names=("*.bam",), receipt="heads", key=PARTNER.key),
    )
    assert tuple(agreements_from_json(agreements_to_json(agreements))) == agreements
    assert agreements_from_json(agreements_to_json(())) == ()


def test_a_pass_without_time_for_all_comes_to_each_in_turn(world: World) -> None:
    """With thousands unanswered, the receipts of the newest would never be read."""
    runs = [succeeded(world, f"metagenome/soil/S{n}/input.tar") for n in range(3)]
    for run_id in runs:
        hand(world, run_id)
        world.sleep(1)
    receive(world, runs[-1])

    def slow(call: Call) -> str | None:
        world.now += 5 if call.operation == "GetObject" else 0
        return None

    world.faults = slow
    for seed in range(20):
        delivery.sweep(world.context(deadline=world.now + LEAST_S_FOR_A_RECORD + 1, seed=seed), [PARTNER])
    assert item(world, runs[-1])["state"] == "acknowledged"


def test_the_schedule_knows_the_project_of_a_partner_with_several(world: World) -> None:
    """What a partner's bucket refused for a while would never come, but for the first of its projects."""
    run_id = succeeded(world)
    world.refusing[PARTNER.bucket] = "AccessDenied"
    hand(world, run_id)
    world.refusing.clear()
    world.sleep(LONGEST_BACKOFF_S)
    delivery.sweep(world.context(), [replace(PARTNER, project="river"), PARTNER])
    assert item(world, run_id)["state"] == "delivered"


def test_a_delivery_that_is_no_longer_agreed_is_left_alone(world: World) -> None:
    """Results would go on to somebody whom the office file no longer names, or alarm for ever."""
    run_id = succeeded(world)
    world.refusing[PARTNER.bucket] = "AccessDenied"
    hand(world, run_id)
    world.refusing.clear()
    world.sleep(LONGEST_BACKOFF_S)
    assert swept(world, replace(PARTNER, names=("tables",))) == {}
    assert held(world, run_id) == {}


def test_an_own_fault_with_one_partners_file_does_not_hold_up_another_partner(world: World) -> None:
    """One lost report would cost every other partner its tables."""
    run_id = succeeded(world)
    prefix = world.run_item(run_id)["results_prefix"]
    manifest = json.loads(world.objects[(RESULTS, f"{prefix}manifest.json")][-1].body)
    table = {"path": "t.tsv", "size": 1, "sha256": hashlib.sha256(b"t").hexdigest()}
    world.put(RESULTS, f"{prefix}t.tsv", b"t")
    told = {**manifest, "files": [*manifest["files"], table]}
    world.put(RESULTS, f"{prefix}manifest.json", json.dumps(told).encode())
    del world.objects[(RESULTS, f"{prefix}report.html")]
    other = replace(PARTNER, partner="beta", bucket="beta-inbox", names=("tables",))
    event = sqs({"detail": {"run_id": run_id, "state": "succeeded"}})
    assert delivery.handle(event, world.context(), [PARTNER, other])["batchItemFailures"]
    assert item(world, run_id, other)["state"] == "delivered"
