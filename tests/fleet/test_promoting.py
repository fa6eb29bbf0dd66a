"""`promote`: a release moves to the next wave only when everything that would hold it back has been asked."""

from datetime import timedelta
from pathlib import Path

import pytest

from components.roster import Fleet
from fleet.access import Access, fleet_table
from fleet.options import now
from tests.canary.example import record as canary_record
from tests.fleet.lab import Offices
from tests.fleet.release_lab import OLD, PINS, Lab


@pytest.fixture
def lab(tmp_path: Path, access: Access) -> Lab:
    return Lab(tmp_path, access)


def test_a_proved_release_moves_and_only_its_lines_change(lab: Lab) -> None:
    """The pull request shows what it does: one line, with every comment of the file kept."""
    lab.ran("succeeded", 1, 2)
    before = (lab.root / "Pulumi.us.yaml").read_text()
    answer = lab.promote()
    assert (answer.code, answer.json["files"]) == (0, ["Pulumi.us.yaml"]), answer.err
    assert (lab.root / "Pulumi.us.yaml").read_text() == before.replace(OLD, lab.digest)
    assert lab.promote().json == {"release": None, "gates": [], "override": None, "files": []}


def test_a_dry_run_changes_nothing(lab: Lab) -> None:
    """Somebody may look whether a release is ready without touching the working tree."""
    lab.ran("succeeded", 1, 2)
    before = (lab.root / "Pulumi.us.yaml").read_text()
    assert lab.promote("--dry-run").code == 0
    assert (lab.root / "Pulumi.us.yaml").read_text() == before


def test_an_image_that_the_region_lacks_holds_whatever_the_reason(lab: Lab) -> None:
    """The office's next sample would wait for an image that is not there."""
    lab.ran("succeeded", 1, 2)
    missing = "sha256:" + "b" * 64
    for office in ("hq", "eu"):
        lab.edit(f"Pulumi.{office}.yaml", lambda text: text.replace(lab.digest, missing))
    assert "image" in lab.held_by()
    assert "image" in lab.held_by("--override", "in a hurry")


def test_an_image_that_somebody_else_built_holds_whatever_the_reason(lab: Lab, gh: Path) -> None:
    """Whoever may push to the registry could else bring a program of their own to every sample."""
    lab.ran("succeeded", 1, 2)
    gh.write_text(f"{lab.digest}\n")
    assert lab.held_by() == {"attestation"}
    assert lab.held_by("--override", "in a hurry") == {"attestation"}


def test_a_reference_that_the_region_lacks_holds_whatever_the_reason(lab: Lab) -> None:
    """The office's next sample would fail without its database."""
    lab.ran("succeeded", 1, 2)
    lab.s3.delete_object(Bucket=lab.references, Key="demo-host/2026.1/SHA256SUMS")
    assert lab.held_by() == {"reference"}
    assert lab.held_by("--override", "in a hurry") == {"reference"}


def test_too_few_samples_hold(lab: Lab) -> None:
    """One sample that went well by luck is no proof; the same sample twice is one."""
    lab.ran("succeeded", 1)
    lab.ran("succeeded", 2, sample="S1")
    assert lab.held_by() == {"samples"}


def test_runs_with_other_references_prove_nothing(lab: Lab) -> None:
    """The same image with an older database is another release."""
    lab.ran("succeeded", 1, 2, references={**PINS, "host": ("demo-host", "2025.9")})
    assert lab.held_by() == {"samples", "soak"}


def test_a_short_soak_holds(lab: Lab) -> None:
    """What only shows after hours has not had them."""
    lab.ran("succeeded", 1, 2)
    lab.edit("rollout.yaml", lambda text: text.replace("soakHours: 1", "soakHours: 3"))
    assert lab.held_by() == {"soak"}


def test_failures_in_the_wave_before_hold(lab: Lab) -> None:
    """A release that fails often in one office would fail in all."""
    lab.ran("succeeded", 1, 2)
    lab.ran("failed", 3)
    assert lab.held_by() == {"failures"}


def test_a_freeze_holds(lab: Lab) -> None:
    """Nothing is prepared for an office that has said it wants no change."""
    lab.ran("succeeded", 1, 2)
    first, last = now().date() - timedelta(days=2), now().date() + timedelta(days=2)
    freeze = f"freezes: [{{from: {first}, to: {last}, reason: audit, offices: [us]}}]\n"
    lab.edit("rollout.yaml", lambda text: text + freeze)
    assert lab.held_by() == {"freeze"}


def test_a_refused_digest_needs_a_reason(lab: Lab) -> None:
    """An image that went wrong does not come back by itself after its revert."""
    lab.ran("succeeded", 1, 2)
    (lab.root / "rollout").mkdir()
    listed = f'- {{digest: "{lab.digest}", reason: lost reads}}\n'
    (lab.root / "rollout/refused.yaml").write_text(listed)
    assert lab.held_by() == {"refused"}
    assert lab.held_by("--override", "  ") == {"refused"}
    answer = lab.promote("--override", "the reads were never there")
    assert (answer.code, answer.json["files"]) == (0, ["Pulumi.us.yaml"])


def test_a_release_without_a_canary_holds(lab: Lab) -> None:
    """Nobody knows yet whether it finds what is there."""
    lab.forget_canaries()
    lab.ran("succeeded", 1, 2)
    assert lab.held_by() == {"canary"}
    assert lab.promote("--override", "no other machine is free").code == 0


def test_a_failed_canary_holds_until_a_newer_one_passes(lab: Lab) -> None:
    """A release that loses a species runs well, and is wrong in every report."""
    lab.ran("succeeded", 1, 2)
    lab.canary(shares={562: 0.605, 1280: 0.395})
    assert lab.held_by() == {"canary"}
    lab.canary()
    assert lab.promote().code == 0


def test_a_canary_of_other_references_proves_nothing(lab: Lab) -> None:
    """What the offices have is compared, not an older database under the same image."""
    lab.forget_canaries()
    lab.ran("succeeded", 1, 2)
    lab.old = lab.old.model_copy(update={"references": {"demo-kraken2": "2025.1", "demo-host": "2026.1"}})
    lab.canary()
    assert lab.held_by() == {"canary"}


def test_a_record_that_was_changed_holds(lab: Lab) -> None:
    """Else one edit in the table makes a failed canary a passed one."""
    lab.forget_canaries()
    lab.ran("succeeded", 1, 2)
    lab.canary(shares={562: 1.0})
    dynamodb = lab.access.headquarters("dynamodb")
    (item,) = dynamodb.query(
        TableName=fleet_table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "canary#metagenome"}},
    )["Items"]
    item["text"]["S"] = canary_record(old=lab.old, new=lab.new).text()
    dynamodb.put_item(TableName=fleet_table(), Item=item)
    assert lab.held_by() == {"canary"}
    assert "does not fit its seal" in lab.promote().out


def test_tolerances_are_those_of_today(lab: Lab) -> None:
    """A tolerance that a pull request lowers holds what passed before: the record keeps no verdict."""
    lab.ran("succeeded", 1, 2)
    contract = "pipeline_images/metagenome/pipeline.yaml"
    lab.canary(seconds=(14.0,))
    assert lab.promote("--dry-run").code == 0
    lab.edit(contract, lambda text: text.replace("mostTime: 1.5", "mostTime: 1.2"))
    assert lab.held_by() == {"canary"}
    lab.edit(contract, lambda text: text[: text.index("canary:")])
    assert lab.promote("--dry-run").code == 0


def test_people_read_what_was_measured_the_rule_and_the_way_out(lab: Lab) -> None:
    """Whoever is held back knows by what, how far off, and what to do."""
    offices = Offices(access=Access(fleet=Fleet.load(lab.root), endpoint=lab.endpoint))
    answer = offices.fleet("--root", str(lab.root), "promote", "metagenome")
    assert answer.code == 5
    for words in ("0 samples succeeded", "at least 2 in the wave before", "Wait for more samples there."):
        assert words in answer.out
    assert "held back by us: soak, us: samples" in answer.err


def test_the_first_wave_is_proved_by_nobody(lab: Lab) -> None:
    """Its release is a person's decision, in a pull request of its own."""
    answer = lab.promote("--to", "hq")
    assert answer.code == 5
    assert "by hand" in answer.err
