"""docs/security.md names tests: they must be there."""

import ast
import re

import pytest

from twin.offices import ROOT

DOCUMENT = ROOT / "docs" / "security.md"
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", DOCUMENT.read_text())))
ACTORS = (
    *("Branch user", "Lost branch key", "Malicious upload", "Compromised image", "Headquarters' engineer"),
    *("Partner", "Another office", "CI from a fork"),
)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_is_named_is_there(file: str, test: str) -> None:
    """A control whose test is gone would still be signed off."""
    tree = ast.parse((ROOT / "tests" / file).read_text())
    assert test in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("actor", ACTORS)
def test_each_actor_is_stopped_by_something_that_a_test_shows(actor: str) -> None:
    """An actor without an answer is an open door."""
    (line,) = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| {actor} |")]
    _, _, tries, stopped, shown, _ = line.split("|")
    assert tries.strip()
    assert stopped.strip()
    assert "::" in shown
