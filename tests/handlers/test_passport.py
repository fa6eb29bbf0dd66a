"""Passports: every result gets one, of what is there, signed once; and nothing else hangs on it."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.passports import Passport, fingerprint, public_key
from handlers import delivery, ledger, outbox, passport, reconcile
from handlers.agreement import Agreement
from handlers.delivery_plan import GRACE_S, delivery_id_of
from handlers.passport import PASSPORT
from tests.handlers.aws_fakes import RESULTS, SIGNING_KEY, Call, Killed, World
from tests.handlers.lab import (
    ASSEMBLY_STATUS,
    finish,
    quiet,
    runs_of,
    shared,
    started,
    status,
    succeeded,
    tell,
    with_assembly,
    with_cohort,
)
from tests.handlers.test_delivery import PARTNER, hand, held, item

WITH_PASSPORT = replace(PARTNER, names=("report", PASSPORT))


def passports(world: World, run_id: str) -> list[bytes]:
    """Every version that was written."""
    key = (RESULTS, f"{world.run_item(run_id)['results_prefix']}{PASSPORT}")
    return [each.body for each in world.objects.get(key, [])]


def only_passport(world: World, run_id: str) -> Passport:
    [body] = passports(world, run_id)
    read = Passport.read(body)
    assert read.signed_by(SIGNING_KEY.public_key())
    return read


def entities(read: Passport, kind: str) -> list[dict[str, Any]]:
    return [each for each in json.loads(read.crate)["@graph"] if each["@type"] == kind]


def due(world: World) -> list[str]:
    return [each.pk for each in outbox.all_due(world.context(), outbox.PASSPORT)]


def failing(operation: str) -> Callable[[Call], str | None]:
    return lambda call: "denied" if call.operation == operation else None


def a_pass_of_reconcile(world: World) -> dict[str, Any]:
    world.sleep(reconcile.GRACE_S + 1)
    return reconcile.handle({}, world.context())


def test_a_result_is_signed_with_all_that_made_it(world: World) -> None:
    """Whoever doubts a result years later has nothing else to look at."""
    run_id = started(world)
    run = world.run_item(run_id)
    world.publish(
        run,
        tools={"fastp": "0.23.2"},
        resources={"wall_s": 33.1, "max_rss_mib": 812},
        started="2026-11-25T10:00:00Z",
        published="2026-11-25T10:00:33Z",
    )
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    read = only_passport(world, run_id)
    assert read.run_id == run_id
    assert read.files.keys() == {"report.html", "manifest.json"}
    assert read.images == [f"globalbi/metagenome@{run['release_digest']}"]
    [action] = entities(read, "CreateAction")
    assert (action["startTime"], action["endTime"]) == (
        "2026-11-25T10:00:00+00:00",
        "2026-11-25T10:00:33+00:00",
    )
    by_id = {each["@id"]: each for each in json.loads(read.crate)["@graph"]}
    inputs = [by_id[each["@id"]] for each in action["object"]]
    assert {(each["name"], each["version"]) for each in inputs if "version" in each} == {
        (run["key"], run["version_id"]),
        ("demo-kraken2", "2026.1"),
        ("demo-host", "2026.1"),
    }
    upload = next(each for each in inputs if each["name"] == run["key"])
    checksums = {by_id[each["@id"]]["name"]: by_id[each["@id"]]["value"] for each in upload["identifier"]}
    assert checksums["CRC64NVME"] == json.loads(run["content"])["CRC64NVME"]
    assert {each["name"]: each["value"] for each in inputs if each["@type"] == "PropertyValue"}["vcpus"] == 4
    used = [by_id[each["@id"]] for each in action["resourceUsage"]]
    assert {each["name"]: each["value"] for each in used} == {"wall_s": 33.1, "max_rss_mib": 812}
    [tool] = [each for each in entities(read, "SoftwareApplication") if each["name"] == "fastp"]
    assert tool["softwareVersion"] == "0.23.2"
    assert due(world) == []


def test_a_follow_on_names_what_it_was_made_of(world: World) -> None:
    """Half of an assembly's story is its predecessor's image and references."""
    with_assembly(world)
    first = succeeded(world)
    [(second, run)] = runs_of(world, "assembly").items()
    tell(world, world.job_event(f"{second}-1", "RUNNING"))
    world.publish(run)
    tell(world, world.job_event(f"{second}-1", "SUCCEEDED"))
    assert status(world, ASSEMBLY_STATUS)["state"] == "succeeded"
    read = only_passport(world, second)
    assert [image.partition("@")[0] for image in read.images] == ["globalbi/metagenome", "globalbi/assembly"]
    before, last = entities(read, "CreateAction")
    assert first in before["description"]
    assert before["result"][0] in last["object"]
    assert read.files.keys() == {"report.html", "manifest.json"}  # its own alone


def test_a_cohort_names_the_list_of_what_it_was_made_of(world: World) -> None:
    """A comparison whose members nobody can tell for certain proves nothing."""
    with_cohort(world)
    shared(world, "S1")
    quiet(world)
    [(run_id, run)] = runs_of(world, "cohort").items()
    finish(world, run_id)
    [action] = entities(only_passport(world, run_id), "CreateAction")
    listed = f"s3://{RESULTS}/{run['results_prefix']}members.json"
    assert listed in [each["@id"] for each in action["object"]]
    [members] = [
        each for each in entities(only_passport(world, run_id), "CreativeWork") if each["@id"] == listed
    ]
    assert (
        members["sha256"]
        == hashlib.sha256(
            world.objects[(RESULTS, f"{run['results_prefix']}members.json")][-1].body
        ).hexdigest()
    )


def test_an_attempt_that_failed_is_told(world: World) -> None:
    """What it took to get there belongs to how a result was made."""
    run_id = started(world)
    tell(world, world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-0) terminated."))
    tell(world, world.job_event(f"{run_id}-2", "RUNNING"))
    world.publish(world.run_item(run_id), attempt=2)
    tell(world, world.job_event(f"{run_id}-2", "SUCCEEDED"))
    lost, made = entities(only_passport(world, run_id), "CreateAction")
    assert (lost["error"], "result" in lost) == ("spot", False)
    assert made["actionStatus"].endswith("CompletedActionStatus")


def test_every_entity_that_is_named_is_there_once(world: World) -> None:
    """JSON-LD without that is nothing a program of another house can read."""
    with_assembly(world)
    succeeded(world)
    [(second, run)] = runs_of(world, "assembly").items()
    world.publish(run)
    tell(world, world.job_event(f"{second}-1", "SUCCEEDED"))
    graph = json.loads(only_passport(world, second).crate)["@graph"]
    ids = [each["@id"] for each in graph]
    assert len(ids) == len(set(ids))

    def named(value: Any) -> list[str]:
        if isinstance(value, list):
            return [name for each in value for name in named(each)]
        return [value["@id"]] if isinstance(value, dict) else []

    outside = ("https://w3id.org/ro/crate/1.1", "https://w3id.org/ro/terms/workflow-run#DockerImage")
    missing = {name for each in graph for value in each.values() for name in named(value)} - set(ids)
    assert missing <= set(outside)


@pytest.mark.parametrize("operation", ["Sign", "HeadObject"])
def test_what_keeps_it_from_being_signed_keeps_nothing_else(world: World, operation: str) -> None:
    """A disabled key would hold up every result of the office."""
    with_assembly(world)
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = failing(operation)
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    world.faults = lambda call: None
    assert status(world)["state"] == "succeeded"
    assert "open" not in world.run_item(run_id)
    assert len(runs_of(world, "assembly")) == 1
    assert passports(world, run_id) == []
    assert due(world) == [f"run#{run_id}"]
    assert a_pass_of_reconcile(world)["PassportsMissing"] == 1
    only_passport(world, run_id)
    assert due(world) == []
    assert "PassportsMissing" not in a_pass_of_reconcile(world)


def test_reconcile_cannot_sign_and_goes_on(world: World) -> None:
    """One passport that never can be signed would keep all uploads unseen."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = failing("Sign")
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    world.upload("metagenome/soil/S2/input.tar")
    counts = a_pass_of_reconcile(world)
    assert (counts["PassportsMissing"], counts["NotMended"], counts["UploadsWithoutRun"]) == (1, 1, 1)


@pytest.mark.parametrize("fault", ["killed before", "killed after", "lost"])
@pytest.mark.parametrize("operation", ["Sign", "PutObject", "UpdateItem"])
def test_a_kill_at_any_point_leaves_one_passport(world: World, operation: str, fault: str) -> None:
    """None at all would be missed by nobody, and a second one would quarrel with the first."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    seen: list[str] = []

    def once(call: Call) -> str | None:
        seen.append(call.operation)
        after_signing = operation == "Sign" or "Sign" in seen
        if call.operation == operation and after_signing and not struck:
            struck.append(True)
            return fault
        return None

    struck: list[bool] = []
    world.faults = once
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")
    with suppress(Killed):
        tell(world, event)
    world.faults = lambda call: None
    assert struck
    a_pass_of_reconcile(world)
    only_passport(world, run_id)
    assert due(world) == []


def test_of_two_writers_the_first_ones_passport_stays(world: World) -> None:
    """Each signature is another one: whoever has verified a passport must find the same again."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = failing("Sign")
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    world.faults = lambda call: None
    run = ledger.read_run(world.context(), run_id)
    assert run is not None
    assert run.passport_due
    passport.sign(world.context(), run)
    first = only_passport(world, run_id)
    passport.sign(world.context(), run)  # the other one, late
    assert only_passport(world, run_id) == first


def test_only_what_s3_itself_has_hashed_is_attested(world: World) -> None:
    """A lost host's manifest over another attempt's files would be signed, and be wrong for ever."""
    run_id = started(world)
    run = world.run_item(run_id)
    world.publish(run)
    report = world.objects[(RESULTS, f"{run['results_prefix']}report.html")][-1]
    right = report.checksums.pop("SHA256")
    report.checksums["SHA256"] = "A" * 43 + "="
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    a_pass_of_reconcile(world)
    assert passports(world, run_id) == []
    report.checksums["SHA256"] = right
    a_pass_of_reconcile(world)
    only_passport(world, run_id)


@pytest.mark.parametrize("ending", ["failed", "rejected"])
def test_what_has_no_results_has_no_passport(world: World, ending: str) -> None:
    """Reconcile would look for a manifest that never comes, at every pass."""
    run_id = started(world)
    if ending == "rejected":
        world.say(run_id, 1, 65, "No reads inside.")
        tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))
    else:
        tell(world, world.job_event(f"{run_id}-1", "FAILED", container="CannotPullContainerError: denied"))
    assert due(world) == []


def test_reconcile_publishes_each_key_once(world: World) -> None:
    """A partner without the public key can verify nothing; one that changes proves nothing."""
    for _ in range(2):
        a_pass_of_reconcile(world)
    [held] = world.objects[(RESULTS, "passport-keys/passports.pem")]
    assert fingerprint(public_key(held.body)) == fingerprint(SIGNING_KEY.public_key())
    world.office = replace(world.office, passport_key=world.office.passport_key + "2")
    a_pass_of_reconcile(world)
    assert {key for bucket, key in world.objects if key.startswith("passport-keys/")} == {
        "passport-keys/passports.pem",
        "passport-keys/passports2.pem",
    }


def test_a_changed_passport_is_nobodys(world: World) -> None:
    """The signature is over the whole text, to the last blank."""
    run_id = succeeded(world)
    read = only_passport(world, run_id)
    assert not replace(read, crate=read.crate.replace('"S1"', '"S2"') + " ").signed_by(
        SIGNING_KEY.public_key()
    )
    assert not read.signed_by(ec.generate_private_key(ec.SECP256R1()).public_key())


# --- deliveries ---


def delivered_manifest(world: World, run_id: str, agreement: Agreement) -> dict[str, Any]:
    key = f"globalbi/{delivery_id_of(agreement, run_id)}/delivery.json"
    told = world.json_object(key, PARTNER.bucket)
    assert told is not None
    return told


def test_a_delivery_that_names_the_passport_has_it(world: World) -> None:
    """The partner is who needs it most."""
    run_id = succeeded(world)
    assert hand(world, run_id, agreement=WITH_PASSPORT) == []
    assert held(world, run_id, WITH_PASSPORT) == {"report.html": 1, PASSPORT: 1, "delivery.json": 1}
    [body] = passports(world, run_id)
    files = {each["path"]: each for each in delivered_manifest(world, run_id, WITH_PASSPORT)["files"]}
    assert files[PASSPORT]["size"] == len(body)
    assert hand(world, run_id) == []
    assert PASSPORT not in held(world, run_id)  # PARTNER's names do not have it


def test_a_delivery_waits_for_a_passport_that_is_not_signed_yet(world: World) -> None:
    """Without it the delivery would not be what was agreed; and the partner is at no fault."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = failing("Sign")
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    world.faults = lambda call: None
    assert hand(world, run_id, agreement=WITH_PASSPORT) == ["m0"]
    assert item(world, run_id, WITH_PASSPORT)["state"] == "copying"
    a_pass_of_reconcile(world)
    world.sleep(GRACE_S)
    delivery.sweep(world.context(), [WITH_PASSPORT])
    assert item(world, run_id, WITH_PASSPORT)["state"] == "delivered"
