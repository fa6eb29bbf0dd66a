"""Known faults block, unless they are allowed, here, and still."""

from datetime import date
from pathlib import Path

import pytest

from supply_chain.allowed import FILE, Allowed, BadList, Finding, faults, load

TODAY = date(2026, 11, 28)
FAULT = Finding(
    id="PYSEC-2026-1", aliases=("CVE-2026-1",), where="a/lock", package="x 1.0", mended_in=("1.1",)
)
ENTRY = Allowed(id="CVE-2026-1", where="a/lock", reason="no stranger's input reaches it", until=TODAY)


def test_a_fault_blocks_and_says_the_way_out() -> None:
    """Whoever meets it must know which package to raise."""
    (told,) = faults([FAULT], [], ["a/lock"], TODAY)
    assert "a/lock: x 1.0 has PYSEC-2026-1; take 1.1" in told


def test_an_allowed_fault_passes_until_its_last_day() -> None:
    """A fault without a mend would else stop every release; one allowed for ever is forgotten."""
    assert faults([FAULT], [ENTRY], ["a/lock"], TODAY) == []
    (told,) = faults([FAULT], [ENTRY], ["a/lock"], date(2026, 11, 29))
    assert "was allowed until 2026-11-28: no stranger's input reaches it" in told


def test_what_is_allowed_in_one_place_blocks_in_another() -> None:
    """A reason holds for the way in which one image uses a package."""
    elsewhere = ENTRY.model_copy(update={"where": "b/lock"})
    (told,) = faults([FAULT], [elsewhere], ["a/lock"], TODAY)
    assert "x 1.0 has PYSEC-2026-1" in told


def test_an_entry_that_nothing_needs_fails() -> None:
    """It would allow the fault again, should an old version come back."""
    (told,) = faults([], [ENTRY], ["a/lock"], TODAY)
    assert "is allowed, but was not found" in told
    assert faults([], [ENTRY], ["b/lock"], TODAY) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {id: CVE-1, where: x, until: 2027-01-01}", "0.reason"),
        ("- {id: CVE-1, where: x, reason: it cannot be reached}", "0.until"),
        ("- {id: CVE-1, where: x, reason: '', until: 2027-01-01}", "0.reason"),
        ("- {id: CVE-1, where: x, reason: it cannot be reached, until: soon}", "0.until"),
        ("- {", "is no YAML"),
    ],
)
def test_an_entry_without_reason_or_end_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """It would count for ever, or for nobody knows what."""
    (tmp_path / "allowed.yaml").write_text(text)
    with pytest.raises(BadList, match=said):
        load(tmp_path / "allowed.yaml")


def test_the_projects_own_list_can_be_read() -> None:
    """A fault in it would stop every build of an image."""
    load(FILE)
