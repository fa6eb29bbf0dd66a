"""What tests do with a copy of the sample program, and how they read what a run did."""

import re
from pathlib import Path

from twin import deploy


def edit(program: Path, pattern: str, text: str, file: str = "Pulumi.eu.yaml") -> None:
    path = program / file
    before = path.read_text()
    after = re.sub(pattern, text, before)
    assert after != before
    path.write_text(after)


def did(changes: list[deploy.Change]) -> list[tuple[str, str]]:
    return sorted((c.action, c.name) for c in changes)
