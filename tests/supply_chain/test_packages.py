"""Known faults of packages: every lock file is asked about, and what was not looked up is not clean."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from supply_chain.packages import NotAudited, findings, lock_files

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {"name": "six", "version": "1.17.0", "vulns": []}
# As pip-audit 2.10 tells it.
BAD: dict[str, Any] = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [
        {
            "id": "PYSEC-2014-8",
            "fix_versions": ["2.7.2"],
            "aliases": ["CVE-2014-1402", "GHSA-8r7q-cvjq-x353"],
            "description": "…",
        }
    ],
}
SKIPPED = {"name": "mine", "skip_reason": "Dependency not found on PyPI and could not be audited: mine (1)"}


def answered(*dependencies: Any, code: int = 0, err: str = "") -> Any:
    out = json.dumps({"dependencies": dependencies, "fixes": []}) if dependencies else ""
    return lambda words: subprocess.CompletedProcess(words, code, out, err)


def test_every_lock_file_is_asked_about() -> None:
    """What an image installs of PyPI runs beside the reads."""
    committed = subprocess.run(
        ["git", "ls-files", "*requirements.lock"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert sorted(lock_files(ROOT)) == sorted(committed.stdout.split())


def test_a_fault_is_told_with_its_names_and_its_mend() -> None:
    """The list of what may stay knows it by any of its names."""
    (found,) = findings(ROOT, "requirements.lock", answered(GOOD, BAD, code=1))
    assert found.names == {"PYSEC-2014-8", "CVE-2014-1402", "GHSA-8r7q-cvjq-x353"}
    assert str(found) == "requirements.lock: jinja2 2.4.1 has PYSEC-2014-8; take 2.7.2"


def test_a_package_that_was_not_looked_up_is_no_package_without_faults() -> None:
    """pip-audit ends with 0 where it could not reach PyPI at all."""
    with pytest.raises(NotAudited, match="could not look up mine"):
        findings(ROOT, "requirements.lock", answered(GOOD, SKIPPED))


def test_no_answer_is_no_absence_of_faults() -> None:
    """The look would else pass for ever once it is broken."""
    with pytest.raises(NotAudited, match="ended with 2: no such file"):
        findings(ROOT, "requirements.lock", answered(code=2, err="warning\nno such file\n"))


def test_pip_audit_takes_the_words_and_the_files(tmp_path: Path) -> None:
    """A word that a new version does not know would stop every look: the real one, without packages."""
    (tmp_path / "requirements.lock").write_text("# none\n")
    assert findings(tmp_path, "requirements.lock") == []
