"""The instance a job runs on, as the instance's own first script has written it down on the scratch disk.

A container cannot be sure to reach the instance metadata service, and ECS does not tell a task its instance's
type. What is not written there is not known, and is never guessed.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = "instance.json"
CHARACTERS = 64


@dataclass(frozen=True, kw_only=True)
class Host:
    """`type` as EC2 names it (`c6id.xlarge`), `market` as the metadata service does (`spot`, `on-demand`),
    `id` as EC2 does (`i-0123456789abcdef0`); None: it has not said which one it is.
    """

    type: str
    market: str
    id: str | None = None


def host_of(scratch: Path) -> Host | None:
    """None: the instance has not said what it is."""
    try:
        found = json.loads((scratch / FILE).read_text())
        told = Host(type=found["type"], market=found["market"], id=found.get("id"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not _is_word(told.type) or not _is_word(told.market):
        return None
    return told if _is_word(told.id) else Host(type=told.type, market=told.market)


def _is_word(found: object) -> bool:
    return isinstance(found, str) and 0 < len(found) <= CHARACTERS
