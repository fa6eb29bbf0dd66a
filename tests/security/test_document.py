"""docs/security.md and docs/incidents.md name tests: they must be there."""

import ast
import re

import pytest

from twin.offices import ROOT

DOCUMENT, INCIDENTS = ROOT / "docs" / "security.md", ROOT / "docs" / "incidents.md"
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NAMED = sorted({each for file in (DOCUMENT, INCIDENTS) for each in TEST.findall(file.read_text())})
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


def test_each_incident_was_walked_through() -> None:
    """A runbook that nobody has tried is tried at night."""
    _, *incidents = INCIDENTS.read_text().split("\n## ")
    assert len(incidents) >= 6
    for incident in incidents:
        title, *lines = [line for line in incident.splitlines() if line]
        steps = [line for line in lines if not line.startswith(" ")]  # a long one goes on in the next line
        assert [step[:2] for step in steps] == ["1.", "2.", "3.", "4.", "5."], title
        assert TEST.search(" ".join(lines[lines.index(steps[-1]) :])), title
