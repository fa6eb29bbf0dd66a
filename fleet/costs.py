"""What a run cost, in words and as JSON."""

from typing import Any

from cost.run import Cost
from rollout.cost_comment import amount


def cost_words(cost: Cost) -> str:
    """The sum and what it is of; a sum that lacks something is a lower bound, and says what it lacks."""
    if not cost.total and not cost.unknown:
        return ""
    parts = ", ".join(
        f"{name} {amount(value)}"
        for name, value in (
            ("instances", cost.compute),
            ("volumes", cost.volume),
            ("requests", cost.requests),
        )
        if value
    )
    of = f" ({parts})" if parts else ""
    month = f"; {amount(cost.storage_month)} USD with each month it is kept" if cost.storage_month else ""
    if not cost.unknown:
        return f"{amount(cost.total)} USD{of}{month}"
    least = f"at least {amount(cost.total)} USD{of}" if cost.total else "not known"
    return f"{least}: {'; '.join(cost.unknown)}{month}"


def cost_json(cost: Cost) -> dict[str, Any]:
    """US dollars; `complete` false: `total` is a lower bound, and `unknown` says why."""
    return {
        "total": round(cost.total, 6),
        "complete": not cost.unknown,
        "compute": round(cost.compute, 6),
        "volume": round(cost.volume, 6),
        "requests": round(cost.requests, 6),
        "storage_month": None if cost.storage_month is None else round(cost.storage_month, 6),
        "unknown": list(cost.unknown),
        "prices_of": cost.prices_of,
    }
