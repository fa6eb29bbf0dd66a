"""Faults of stack files beside their lines."""

from pathlib import Path

import pytest

from components.faults import InvalidOffices
from components.roster import Fleet
from rollout.annotations import annotation, annotations, line_of
from tests.three_offices import checkout_of


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkout_of(tmp_path)


def line_with(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_every_fault_of_a_stack_file_stands_on_its_line(checkout: Path) -> None:
    """Who opens the pull request sees what is wrong where it is wrong, all of it at once."""
    path = checkout / "Pulumi.eu.yaml"
    text = path.read_text()
    text = text.replace("10.20.0.0/16", "10.20.0.0/28").replace("maxVcpus: 256", "maxVcpus: 0")
    text = text.replace("- ops-eu@example.org", "- nobody").replace("sha256:", "latest:", 1)
    path.write_text(text)
    with pytest.raises(InvalidOffices) as refused:
        Fleet.load(checkout)
    told = annotations(refused.value.faults, checkout)
    lines = {int(line.split("line=")[1].split(",")[0]) for line in told}
    expected = {line_with(path, part) for part in ("globalbi:cidr", "maxVcpus", "- nobody", "digest:")}
    assert lines == expected
    assert all(line.startswith("::error file=Pulumi.eu.yaml,line=") for line in told)


def test_a_fault_between_two_files_stands_in_both(checkout: Path) -> None:
    fault = "Pulumi.eu.yaml and Pulumi.us.yaml: globalbi:cidr must not overlap another office's"
    one, other = annotation(fault, checkout)
    assert f"file=Pulumi.eu.yaml,line={line_with(checkout / 'Pulumi.eu.yaml', 'globalbi:cidr')}," in one
    assert "file=Pulumi.us.yaml," in other


def test_a_missing_key_stands_where_it_should_be(checkout: Path) -> None:
    """The nearest key above it is as near as a line can be."""
    path = checkout / "Pulumi.eu.yaml"
    key = "globalbi:releases.metagenome.references.missing"
    assert line_of(path, key) == line_with(path, "references:")


def test_a_file_that_is_no_yaml_is_told_at_the_place(checkout: Path) -> None:
    path = checkout / "Pulumi.eu.yaml"
    path.write_text("config:\n  a: 1\n  b: [\n")
    assert line_of(path, "is") == 4


def test_a_fault_without_a_file_is_told_all_the_same(checkout: Path) -> None:
    fault = "Pulumi.*.yaml: globalbi:headquarters must be true in exactly one office, not in none"
    assert annotation(fault, checkout) == [f"::error::{fault}"]


def test_a_value_cannot_start_a_command_of_its_own(checkout: Path) -> None:
    """A stack file's value is quoted in its fault; a line break in it would begin another command."""
    told = annotation("Pulumi.eu.yaml: globalbi:cidr must be x, not '100%\n::set-env name=A::b'", checkout)
    assert len(told) == 1
    assert "\n" not in told[0]
    assert told[0].endswith("not '100%25%0A::set-env name=A::b'")
