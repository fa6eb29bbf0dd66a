"""Known faults of the Python packages in every lock file, as pip-audit finds them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supply_chain.allowed import Finding

LOCK = "requirements.lock"

Run = Callable[[list[str]], subprocess.CompletedProcess[str]]


class NotAudited(Exception):
    """No answer that could be trusted; the words say why."""


def lock_files(root: Path) -> list[str]:
    """The project's own, and those of the images, from its root."""
    return [LOCK, *(str(path.relative_to(root)) for path in sorted(root.glob(f"pipeline_images/*/{LOCK}")))]


def findings(root: Path, lock: str, run: Run | None = None) -> list[Finding]:
    """Raises `NotAudited` unless every package of the file was looked up."""
    words = [sys.executable, "-m", "pip_audit", "--requirement", str(root / lock), "--require-hashes"]
    words += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = (run or _run)(words)
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotAudited(f"{lock}: pip-audit ended with {done.returncode}: {last}") from error
    return read(lock, answer)


def read(lock: str, answer: dict[str, Any]) -> list[Finding]:
    """From pip-audit's JSON."""
    skipped = [each["name"] for each in answer["dependencies"] if "skip_reason" in each]
    if skipped:
        raise NotAudited(
            f"{lock}: pip-audit could not look up {', '.join(skipped[:5])}"
            f"{f' and {len(skipped) - 5} more' if skipped[5:] else ''}; is PyPI's JSON interface reachable?"
        )
    return [
        Finding(
            id=fault["id"],
            aliases=tuple(fault.get("aliases", ())),
            where=lock,
            package=f"{each['name']} {each['version']}",
            mended_in=tuple(fault.get("fix_versions", ())),
        )
        for each in answer["dependencies"]
        for fault in each["vulns"]
    ]


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)
