"""What a change does to an office's cost, as one job hands it to another; who reads it does not trust it.

Standard library only, as the job that writes comments installs nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_PIPELINES = 20
MOST_USD = 1e9
MOST_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class Month:
    """US dollars a month for what is billed for being there, before and after; `unknown`: not in them."""

    before: float
    after: float
    parts: tuple[tuple[str, int, int], ...] = ()  # what, how many before and after
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One pipeline's last runs: `cost.replay.Pipeline`, by its name."""

    pipeline: str
    runs: int
    before: float
    after: float | None
    unpriced: int = 0
    spared: int = 0
    less: int = 0
    unfinished: int = 0


@dataclass(frozen=True, kw_only=True)
class CostChange:
    """`prices_of`: the day of the price book. `missing`: why there are no runs to tell of."""

    prices_of: str = ""
    month: Month | None = None
    replays: tuple[Replayed, ...] = ()
    missing: str = ""


def read(document: Any) -> CostChange | None:
    """What another job wrote; None of nothing. Raises KeyError or TypeError when it is something else."""
    if document is None:
        return None
    month = document["month"]
    return CostChange(
        prices_of=_text(document["prices_of"]),
        month=None if month is None else _month(month),
        replays=tuple(_replayed(each) for each in document["replays"][:MOST_PIPELINES]),
        missing=_text(document["missing"]),
    )


def _month(each: Mapping[str, Any]) -> Month:
    return Month(
        before=_usd(each["before"]),
        after=_usd(each["after"]),
        parts=tuple(_part(part) for part in _few(each["parts"], MOST_PIPELINES)),
        unknown=tuple(_text(why) for why in _few(each["unknown"], MOST_PIPELINES)),
    )


def _part(part: Any) -> tuple[str, int, int]:
    if not isinstance(part, list) or len(part) != 3:
        raise TypeError(f"must be what, and how many before and after, not {part!r}")
    return _text(part[0]), _count(part[1]), _count(part[2])


def _replayed(each: Mapping[str, Any]) -> Replayed:
    return Replayed(
        pipeline=_text(each["pipeline"]),
        runs=_count(each["runs"]),
        before=_usd(each["before"]),
        after=None if each["after"] is None else _usd(each["after"]),
        **{name: _count(each[name]) for name in ("unpriced", "spared", "less", "unfinished")},
    )


def _few(values: Iterable[Any], most: int) -> Iterable[Any]:
    return list(values)[:most]


def _usd(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_USD:
        raise TypeError(f"must be an amount of US dollars, not {value!r}")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_USD:
        raise TypeError(f"must be a number of things, not {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text, not {value!r}")
    return value if len(value) <= MOST_CHARACTERS else value[: MOST_CHARACTERS - 1] + "…"
