"""What projects may cost a month, as the office file says it and functions are told (`BUDGETS`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

WARN_PERCENT = 80


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """US dollars a month by project, and the percentage of them at which people are told."""

    usd: Mapping[str, int] = field(default_factory=dict)
    warn_percent: int = WARN_PERCENT


def allowance_to_json(allowance: Allowance) -> str:
    told = {"warn": allowance.warn_percent, "usd": dict(sorted(allowance.usd.items()))}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def allowance_from_json(text: str) -> Allowance:
    """Of an empty text: no project has a budget."""
    if not text:
        return Allowance()
    told = json.loads(text)
    return Allowance(usd=told["usd"], warn_percent=told["warn"])
