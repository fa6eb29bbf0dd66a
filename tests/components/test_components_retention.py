"""How long an office keeps what: its file's word becomes rules of its buckets, and of no other things."""

from pathlib import Path

import pytest

from components.faults import InvalidOffices
from components.roster import Fleet
from handlers.erasure import FOLDER
from handlers.passport_key import FOLDER as PASSPORT_KEYS
from policies.program import Stack, deploy
from tests.components.conftest import Edit


def rules(stack: Stack, content: str) -> dict[str, dict[str, object]]:
    lifecycle = stack.named(f"globalbi-eu-{content}-lifecycle", "bucketLifecycleConfiguration:").inputs
    return {rule["id"]: rule for rule in lifecycle["rules"]}


def test_an_offices_retention_binds_samples_alone(checkout: Path, edit: Edit) -> None:
    """A tombstone that expires proves nothing, and without its key no passport can be verified."""
    edit("eu", {"globalbi:retention": {"uploadsDays": 365, "resultsDays": 1825}})
    stack = deploy("eu", checkout)
    pipelines = Fleet.load(checkout).pipelines
    for content, days in (("uploads", 365), ("results", 1825)):
        expiring = {
            str(rule["filter"]["prefix"]): rule["expiration"]["days"]  # type: ignore[index]
            for rule in rules(stack, content).values()
            if "expiration" in rule
        }
        assert expiring == dict.fromkeys((f"{each}/" for each in pipelines), days)
        assert not [each for each in (f"{FOLDER}/", f"{PASSPORT_KEYS}/") if each.startswith(tuple(expiring))]
    assert rules(stack, "references").keys() == {"tidy"}


def test_without_a_word_nothing_expires(examples: dict[str, Stack]) -> None:
    """Results that vanish by a default that nobody chose are lost."""
    for content in ("uploads", "results"):
        assert not [rule for rule in rules(examples["eu"], content).values() if "expiration" in rule]


def test_a_retention_of_days_is_refused(checkout: Path, edit: Edit) -> None:
    """A slip of the pen would delete what was uploaded last week."""
    edit("eu", {"globalbi:retention": {"uploadsDays": 3}})
    with pytest.raises(InvalidOffices) as caught:
        Fleet.load(checkout)
    assert any("globalbi:retention.uploadsDays" in fault for fault in caught.value.faults)
