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
    """`type` as EC2 names it (`c6id.xlarge`), `market` as the metadata service does (`spot`, `on-demand`)."""

    type: str
    market: str


def host_of(scratch: Path) -> Host | None:
    """None: the instance has not said what it is."""
    try:
        found = json.loads((scratch / FILE).read_text())
        host = Host(type=found["type"], market=found["market"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    words = (host.type, host.market)
    return host if all(isinstance(word, str) and 0 < len(word) <= CHARACTERS for word in words) else None
