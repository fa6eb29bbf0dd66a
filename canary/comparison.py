"""Comparison: what the new release found and took, beside the old one and the truth. Nothing here runs.

The verdict is made of the measurements each time it is asked for, within the tolerances that `pipeline.yaml`
has then: no record can say of itself that it passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from canary.record import Record
from canary.truth import bray_curtis
from components.pipeline import Canary


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the comparison."""

    name: str
    measured: str
    limit: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Species:
    """One species; None: not found at all."""

    name: str
    truth: float | None
    old: float | None
    new: float | None


def checks(record: Record, tolerances: Canary) -> list[Check]:
    old, new = record.old, record.new
    if new.failure:
        return [
            Check(name="the new release's analysis", measured=new.failure, limit="succeeds", passed=False)
        ]
    from_truth = bray_curtis(record.truth, new.shares)
    between = bray_curtis(old.shares, new.shares)
    present = tolerances.present_from
    before, after = there(old.shares, present), there(new.shares, present)
    time, memory = min(new.seconds) / min(old.seconds), min(new.memory_mib) / min(old.memory_mib)
    return [
        Check(
            name="distance from the truth",
            measured=f"{from_truth:.4f} (old {bray_curtis(record.truth, old.shares):.4f})",
            limit=f"at most {tolerances.most_from_truth}",
            passed=from_truth <= tolerances.most_from_truth,
        ),
        Check(
            name="distance from the old release",
            measured=f"{between:.4f}",
            limit=f"at most {tolerances.most_between}",
            passed=between <= tolerances.most_between,
        ),
        _counted("species lost", before - after, tolerances.most_lost, record.names),
        _counted("species gained", after - before, tolerances.most_gained, record.names),
        Check(
            name="run time",
            measured=f"{min(new.seconds):.1f} s, {time:.2f} times the old {min(old.seconds):.1f} s",
            limit=f"at most {tolerances.most_time} times",
            passed=time <= tolerances.most_time,
        ),
        Check(
            name="memory",
            measured=f"{min(new.memory_mib)} MiB, {memory:.2f} times the old {min(old.memory_mib)} MiB",
            limit=f"at most {tolerances.most_memory} times",
            passed=memory <= tolerances.most_memory,
        ),
    ]


def there(shares: Mapping[int, float], from_share: float) -> set[int]:
    """The species that count as found."""
    return {taxid for taxid, share in shares.items() if share >= from_share}


def species(record: Record) -> list[Species]:
    """Every species of the truth or of a result, the most abundant first."""
    columns = (record.truth, record.old.shares, record.new.shares)
    taxids = {taxid for column in columns for taxid in column}
    rows = [
        Species(
            name=record.names.get(taxid, str(taxid)),
            truth=record.truth.get(taxid),
            old=record.old.shares.get(taxid),
            new=record.new.shares.get(taxid),
        )
        for taxid in taxids
    ]
    return sorted(rows, key=lambda row: (-max(row.truth or 0, row.old or 0, row.new or 0), row.name))


def _counted(name: str, taxids: set[int], most: int, names: Mapping[int, str]) -> Check:
    told = ", ".join(sorted(names.get(taxid, str(taxid)) for taxid in taxids)) or "none"
    return Check(name=name, measured=told, limit=f"at most {most}", passed=len(taxids) <= most)
