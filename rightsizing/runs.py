"""Runs: what each one was given and what it took, from headquarters' table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.failures import MEMORY
from handlers.run import FAILED, SUCCEEDED


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that succeeded. None: its runner did not measure that.

    `memory_mib` and `vcpus` are what the attempt that published was given; `seconds` are that attempt's;
    `fragments` are pairs or single reads.
    """

    run_id: str
    region: str
    input_bytes: int
    memory_mib: int
    vcpus: int
    seconds: float
    peak_mib: int
    disk_mib: int | None = None
    fragments: int | None = None
    cpu_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """`never_enough`: runs that failed in the end for want of memory. What they needed nobody knows.

    `earlier`: how many of the runs are of releases from before those that offices have.
    """

    runs: tuple[Ran, ...]
    never_enough: tuple[str, ...] = ()
    unmeasured: int = 0  # succeeded, but said nothing of their memory or their time
    earlier: int = 0


def history_of(rows: Iterable[Mapping[str, Any]], most: int) -> History:
    """From rows of headquarters' table, the newest first; at most so many runs."""
    runs: list[Ran] = []
    never: list[str] = []
    unmeasured = 0
    for row in rows:
        if len(runs) >= most:
            break
        if row["state"] == FAILED and row["attempts"] and row["attempts"][-1].get("class") == MEMORY:
            never.append(str(row["run_id"]))
        if row["state"] != SUCCEEDED:
            continue
        ran = ran_of(row)
        unmeasured += ran is None
        runs += [ran] if ran else []
    return History(runs=tuple(runs), never_enough=tuple(never), unmeasured=unmeasured)


def ran_of(row: Mapping[str, Any]) -> Ran | None:
    """None if it does not say what it took."""
    used, ended = row.get("used") or {}, [each for each in row["attempts"] if each.get("ended")]
    if not row.get("peak_mib") or not ended or not ended[-1].get("started"):
        return None
    last = ended[-1]
    seconds = (_moment(last["ended"]) - _moment(last["started"])).total_seconds()
    return Ran(
        run_id=str(row["run_id"]),
        region=str(row["region"]),
        input_bytes=int(row["size"]),
        memory_mib=int(last["memory_mib"]),
        vcpus=int(last["vcpus"]),
        seconds=max(0.0, seconds),
        peak_mib=int(row["peak_mib"]),
        **{name: used.get(name) for name in ("disk_mib", "fragments", "cpu_s")},
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
