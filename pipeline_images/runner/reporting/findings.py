"""What a report says in words, and how it prints shares."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    mind: bool  # something to look at, not just to know
    title: str
    words: str


def percent(share: float) -> str:
    """Shares too small to print are not none."""
    if 0 < share < 0.0005:
        return "under 0.1%"
    return f"{100 * share:.1f}%"
