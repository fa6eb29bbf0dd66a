"""Deliveries by links: whole where they lie, before anybody makes a link; receipts and notices as ever."""

import json
from dataclasses import replace
from typing import Any

import pytest

from handlers import delivery, delivery_ledger
from handlers.agreement import agreements_from_json, agreements_to_json
from handlers.context import iso
from handlers.delivery_plan import LARGEST_COPY, delivery_id_of
from tests.handlers.aws_fakes import ACCOUNT, RESULTS, Call, Killed, World
from tests.handlers.lab import succeeded
from tests.handlers.test_delivery import PARTNER, hand, held, item

LINKED = replace(
    PARTNER,
    partner="clinic",
    account=ACCOUNT,
    bucket=RESULTS,
    key="",
    prefix="deliveries/clinic/",
    links=True,
)


def swept(world: World) -> dict[str, int]:
    context = world.context()
    delivery.sweep(context, [LINKED])
    return dict(context.counts)


def receive(world: World, run_id: str, **told: Any) -> None:
    """What a partner puts by the receipt's link."""
    delivery_id = delivery_id_of(LINKED, run_id)
    digest = item(world, run_id, LINKED)["manifest_sha256"]
    body = {"delivery": delivery_id, "manifest_sha256": digest, "accepted": True, **told}
    world.put(RESULTS, f"deliveries/clinic/{delivery_id}/received.json", json.dumps(body).encode())


def state(world: World, run_id: str) -> str:
    return str(item(world, run_id, LINKED)["state"])


def item_of(world: World, run_id: str) -> dict[str, Any]:
    return item(world, run_id, LINKED)


@pytest.fixture
def run_id(world: World) -> str:
    return succeeded(world)


def test_results_stay_where_they_are_under_a_manifest(world: World, run_id: str) -> None:
    """A second copy of every result would be paid for, for ever."""
    assert hand(world, run_id, agreement=LINKED) == []
    assert held(world, run_id, LINKED) == {"delivery.json": 1}
    key = f"deliveries/clinic/{delivery_id_of(LINKED, run_id)}/delivery.json"
    manifest = world.json_object(key)
    assert manifest is not None
    assert [each["path"] for each in manifest["files"]] == ["report.html"]


def test_damaged_results_get_no_links(world: World, run_id: str) -> None:
    """A partner would be sent to a file that is not what the manifest says."""
    world.put(RESULTS, f"{world.run_item(run_id)['results_prefix']}report.html", b"<html>damage</html>")
    hand(world, run_id, agreement=LINKED)
    assert item_of(world, run_id)["failure"] == "content"
    assert held(world, run_id, LINKED) == {}


def test_a_large_file_needs_no_copy(world: World, run_id: str) -> None:
    """What one copy cannot take would be refused to those who are not sent a copy."""
    run = world.run_item(run_id)
    large = {"path": "report.html", "size": LARGEST_COPY + 1, "sha256": "ab" * 32}
    world.publish(run, files=[large])
    hand(world, run_id, agreement=LINKED)
    assert "5 GB" not in item_of(world, run_id)["reason"]


def test_a_person_is_called_until_there_are_links_and_when_they_have_ended(world: World, run_id: str) -> None:
    """A partner would wait for links that nobody knows are to be made, or be left with dead ones."""
    hand(world, run_id, agreement=LINKED)
    assert swept(world) == {"LinksDue": 1}
    context = world.context()
    delivery_id = delivery_id_of(LINKED, run_id)
    until = world.context().clock() + 3600
    delivery_ledger.note_links(context, delivery_id, iso(until), "somebody")
    assert swept(world) == {}
    world.sleep(3601)
    assert swept(world) == {"LinksDue": 1}
    receive(world, run_id)
    assert swept(world) == {}
    assert state(world, run_id) == "acknowledged"


def test_a_late_or_refused_receipt_calls_a_person(world: World, run_id: str) -> None:
    """A partner who cannot use what it fetched, or never fetched it, would stay unseen."""
    hand(world, run_id, agreement=LINKED)
    world.sleep(LINKED.receipt_within_s + 1)
    assert swept(world)["ReceiptsLate"] == 1
    receive(world, run_id, accepted=False, reason="damaged")
    assert swept(world)["ReceiptsRefused"] == 1
    assert (state(world, run_id), item_of(world, run_id)["reason"]) == ("refused", "damaged")


def test_newer_results_supersede_what_was_linked(world: World, run_id: str) -> None:
    """The office would make links to results that were replaced."""
    hand(world, run_id, agreement=LINKED)
    world.sleep(60)
    newer = succeeded(world, body=b"better reads")
    hand(world, newer, agreement=LINKED)
    assert state(world, run_id) == "superseded"
    assert held(world, run_id, LINKED)["superseded.json"] == 1
    assert swept(world) == {"LinksDue": 1}, "of the newer one alone"


@pytest.mark.parametrize("fault", ["killed before", "killed after", "lost", "throttled"])
def test_wherever_the_function_stops_the_manifest_is_put_once(world: World, run_id: str, fault: str) -> None:
    """A delivery would be lost, or be there before it is whole."""
    before = world.snapshot()
    for position in range(1, 40):
        world.restore(before)
        world.calls.clear()

        def faults(call: Call, at: int = position) -> str | None:
            return fault if call.number == at else None

        world.faults = faults
        try:
            back = hand(world, run_id, agreement=LINKED)
        except Killed:
            back = ["m0"]
        reached = len(world.calls) >= position
        world.faults = lambda call: None
        if back:
            assert hand(world, run_id, agreement=LINKED) == []
        assert state(world, run_id) == "delivered", position
        assert held(world, run_id, LINKED) == {"delivery.json": 1}, position
        if not reached:
            return
    raise AssertionError("there are more calls than were tried")


def test_functions_are_told_of_links() -> None:
    """A partner without a bucket would be copied to, into the office's own."""
    assert agreements_from_json(agreements_to_json([PARTNER, LINKED])) == (PARTNER, LINKED)
