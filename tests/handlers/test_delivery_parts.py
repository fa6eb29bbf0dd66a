"""Files that were published in parts: copied part by part, whole or absent, whatever comes between."""

import base64
import contextlib
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from handlers import delivery
from handlers.delivery_parts import LEAST_S_FOR_A_PART
from handlers.delivery_plan import GRACE_S, LARGEST_COPY, backoff_s, chosen, delivery_id_of
from tests.handlers.aws_fakes import RESULTS, Call, Killed, World
from tests.handlers.lab import started, tell
from tests.handlers.test_delivery import PARTNER, hand, held, item

READS = replace(PARTNER, names=("reads",))
BODY, PART = b"@read ACGT IIII!", 5  # four parts
NAME = "reads/clean_R1.fastq.gz"


def composite(body: bytes, part: int) -> str:
    digests = [hashlib.sha256(body[at : at + part]).digest() for at in range(0, len(body), part)]
    return f"{base64.b64encode(hashlib.sha256(b''.join(digests)).digest()).decode()}-{len(digests)}"


def large(world: World, sample: str = "S1", upload: bytes = b"reads") -> str:
    """A run that has published reads in parts."""
    run_id = started(world, f"metagenome/soil/{sample}/input.tar", upload)
    run = world.run_item(run_id)
    checksum = composite(BODY, PART)
    world.put(RESULTS, f"{run['results_prefix']}{NAME}", BODY, checksums={"SHA256": checksum})
    listed = {
        "path": NAME,
        "size": len(BODY),
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "parts": {"bytes": PART, "checksum": checksum},
    }
    world.publish(run, files=[listed])
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    return run_id


def sweep(world: World, deadline: float = float("inf")) -> dict[str, int]:
    context = world.context(deadline=deadline)
    delivery.sweep(context, [READS])
    return dict(context.counts)


def received(world: World, run_id: str) -> bytes | None:
    key = (PARTNER.bucket, f"globalbi/{delivery_id_of(READS, run_id)}/{NAME}")
    versions = world.objects.get(key)
    return versions[-1].body if versions else None


def state(world: World, run_id: str) -> str:
    return str(item(world, run_id, READS)["state"])


def copied(world: World) -> int:
    return sum(call.operation == "UploadPartCopy" for call in world.calls)


def test_a_file_of_parts_is_copied_whole(world: World) -> None:
    """Clean reads of a deep sample are larger than one copy takes: the partner would never get them."""
    run_id = large(world)
    assert hand(world, run_id, agreement=READS) == []
    assert (state(world, run_id), received(world, run_id)) == ("delivered", BODY)
    assert held(world, run_id, READS) == {NAME: 1, "delivery.json": 1}
    assert copied(world) == 4
    assert world.uploads == {}


def test_what_the_time_does_not_do_for_goes_on_at_the_next_pass(world: World) -> None:
    """Lambda ends a function after its time: a file of an hour would begin anew for ever."""
    run_id = large(world)
    world.office = replace(world.office, agreements=(READS,))

    def slowly(call: Call) -> None:
        world.now += 40 if call.operation == "UploadPartCopy" else 0

    world.faults = slowly
    passes = 0
    while state_or_none(world, run_id) != "delivered":
        if passes == 0:
            context = world.context(deadline=world.now + LEAST_S_FOR_A_PART + 50)
            delivery.deliver_run(context, [READS], run_id)
        else:
            sweep(world, world.now + LEAST_S_FOR_A_PART + 50)
        assert received(world, run_id) in (None, BODY), "whole or absent"
        world.now += GRACE_S
        passes += 1
        assert passes < 10
    assert passes > 1
    assert copied(world) == 4, "no part is copied twice"


def state_or_none(world: World, run_id: str) -> str | None:
    found = world._items().get(f"delivery#{delivery_id_of(READS, run_id)}")
    return str(found["state"]) if found else None


def test_damaged_parts_are_never_put_together(world: World) -> None:
    """A partner would get other bytes than the manifest says."""
    run_id = large(world)
    run = world.run_item(run_id)
    world.put(RESULTS, f"{run['results_prefix']}{NAME}", BODY[::-1])
    hand(world, run_id, agreement=READS)
    assert item(world, run_id, READS)["failure"] == "content"
    assert received(world, run_id) is None
    assert world.uploads == {}, "what was copied is removed"


def test_a_copy_that_is_superseded_leaves_no_parts(world: World) -> None:
    """The partner would pay for parts that nobody can see."""
    old = large(world)
    context = world.context(deadline=world.now + LEAST_S_FOR_A_PART - 1)
    delivery.deliver_run(context, [READS], old)
    assert state(world, old) == "copying"
    assert len(world.uploads) == 1
    world.now += 60
    new = large(world, upload=b"better reads")
    hand(world, new, agreement=READS)
    hand(world, old, agreement=READS)
    assert (state(world, old), state(world, new)) == ("superseded", "delivered")
    assert world.uploads == {}


def test_a_bucket_that_refuses_for_a_time_gets_the_rest_later(world: World) -> None:
    """A slip in the partner's policy in the middle of a large file would cost it the file."""
    run_id = large(world)

    def closing(call: Call) -> None:
        if copied(world) == 2:
            world.refusing[PARTNER.bucket] = "AccessDenied"

    world.faults = closing
    hand(world, run_id, agreement=READS)
    world.faults = lambda call: None
    assert state(world, run_id) == "refused"
    world.refusing.clear()
    world.sleep(backoff_s(1))
    sweep(world)
    assert (state(world, run_id), received(world, run_id)) == ("delivered", BODY)


@pytest.mark.parametrize("fault", ["killed before", "killed after", "lost", "throttled", "failed"])
def test_wherever_it_stops_the_file_is_whole_in_the_end(world: World, fault: str) -> None:
    """Each call may be the last one, or its reply may be lost: no file is lost, partial or other bytes."""
    run_id = large(world)
    before = world.snapshot()
    for position in range(1, 60):
        world.restore(before)
        world.calls.clear()

        def faults(call: Call, at: int = position) -> str | None:
            return fault if call.number == at else None

        world.faults = faults
        with contextlib.suppress(Killed):
            hand(world, run_id, agreement=READS)
        reached = len(world.calls) >= position
        world.faults = lambda call: None
        for _ in range(4):
            assert received(world, run_id) in (None, BODY)
            hand(world, run_id, agreement=READS)
        assert (state(world, run_id), received(world, run_id)) == ("delivered", BODY), position
        assert held(world, run_id, READS)["delivery.json"] == 1, position
        if not reached:
            return
    raise AssertionError("there are more calls than were tried")


def test_two_functions_at_once_make_one_file(world: World) -> None:
    """The queue and the schedule may be at the same file: each would leave the other's parts behind."""
    run_id = large(world)
    within: list[int] = []

    def meanwhile(call: Call) -> None:
        if call.operation in ("CreateMultipartUpload", "UploadPartCopy") and len(within) < 3:
            within.append(1)
            hand(world, run_id, agreement=READS, seed=len(within))

    world.faults = meanwhile
    hand(world, run_id, agreement=READS)
    world.faults = lambda call: None
    hand(world, run_id, agreement=READS)
    assert (state(world, run_id), received(world, run_id)) == ("delivered", BODY)
    assert held(world, run_id, READS)["delivery.json"] == 1
    assert world.uploads == {}


def test_a_passport_attests_a_file_of_parts(world: World) -> None:
    """Results with large files would stay without a passport, and its alarm ring for ever."""
    run_id = large(world)
    run: dict[str, Any] = world.run_item(run_id)
    assert (RESULTS, f"{run['results_prefix']}passport.json") in world.objects


def test_a_large_file_of_parts_may_be_delivered() -> None:
    """It would be refused for its size, which parts are there for."""
    listed = {"path": NAME, "size": LARGEST_COPY + 1, "sha256": "0", "parts": {"bytes": 1, "checksum": "x"}}
    assert chosen([listed], ["reads"]) == [listed]
