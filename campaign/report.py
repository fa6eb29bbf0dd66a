"""The campaign's table, and its JSON."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from campaign.promises import PROMISES, Findings
from campaign.story import Campaign

EXTRA_LIMIT = 0.01
EXAMPLES = 5


@dataclass(kw_only=True)
class Result:
    """One shard of a campaign, or the sum of several: plain values that go between processes."""

    seeds: list[int]
    samples: int  # of each office
    offices: list[str]
    broken: dict[str, list[str]]
    counts: Counter[str]
    compute_s: Any  # a Counter of seconds
    rates: dict[str, float]
    traces: list[str]
    virtual_s: float
    wall_s: float
    ended: bool = True
    uploads: int = 0

    @property
    def extra_compute(self) -> float:
        return float(self.compute_s["extra"] / max(1.0, self.compute_s["useful"]))

    @property
    def kept(self) -> bool:
        return self.ended and not any(self.broken.values()) and self.extra_compute <= EXTRA_LIMIT


def result_of(campaign: Campaign, found: Findings) -> Result:
    return Result(
        seeds=[campaign.seed],
        samples=campaign.samples,
        offices=list(campaign.offices),
        broken=found.broken,
        counts=found.counts,
        compute_s=found.compute_s,
        rates=asdict(campaign.rates),
        traces=[campaign.trace],
        virtual_s=campaign.virtual_s,
        wall_s=campaign.wall_s,
        ended=campaign.idle,
        uploads=sum(len(versions) for keys in campaign.uploads.values() for versions in keys.values()),
    )


def together(results: list[Result]) -> Result:
    """The sum of shards that ran side by side."""
    first = results[0]
    most = "most submissions in a second"
    peak = max(each.counts[most] for each in results)
    counts = sum((each.counts for each in results), Counter())
    counts[most] = peak
    return Result(
        seeds=[seed for each in results for seed in each.seeds],
        samples=sum(each.samples for each in results),
        offices=first.offices,
        broken={name: [what for each in results for what in each.broken[name]] for name in first.broken},
        counts=counts,
        compute_s=sum((each.compute_s for each in results), Counter()),
        rates=first.rates,
        traces=[trace for each in results for trace in each.traces],
        virtual_s=max(each.virtual_s for each in results),
        wall_s=max(each.wall_s for each in results),
        ended=all(each.ended for each in results),
        uploads=sum(each.uploads for each in results),
    )


def show(result: Result, console: Console) -> None:
    """Promises first, then what befell the offices, then where the containers' time went."""
    title = f"{result.samples:,} samples x {len(result.offices)} offices, seeds {result.seeds}"
    table = Table(title=f"Fault campaign: {title}", title_justify="left")
    for name in ("promise", "broken", "limit"):
        table.add_column(name, justify="left" if name == "promise" else "right")
    for name, what in PROMISES.items():
        count = len(result.broken[name])
        table.add_row(what, f"[red]{count}" if count else "0", "0")
    extra = f"{100 * result.extra_compute:.2f}%"
    table.add_row("containers' time for nothing, beyond reclaims", extra, f"{100 * EXTRA_LIMIT:.0f}%")
    table.add_row("came to rest", "yes" if result.ended else "[red]no", "yes")
    console.print(table)
    for name, places in result.broken.items():
        for each in places[:EXAMPLES]:
            console.print(f"[red]{name}[/red]: {each}")
    _befell(result, console)
    _compute(result, console)
    console.print(
        f"{result.virtual_s / 3600:.1f} h simulated in {result.wall_s:.0f} s; "
        f"trace {' '.join(t[:16] for t in result.traces)}"
    )


def _befell(result: Result, console: Console) -> None:
    counts = result.counts
    requests = counts["requests"]
    invocations = sum(count for name, count in counts.items() if name.endswith(" invocations"))
    containers = counts["containers"]
    table = Table(title="What befell them", title_justify="left")
    for name in ("what", "count", "of", "share"):
        table.add_column(name, justify="left" if name == "what" else "right")
    rows = [
        ("events dropped", counts["events dropped"], counts["events"]),
        ("events duplicated", counts["events duplicated"], counts["events"]),
        ("events reordered", counts["events reordered"], counts["events"]),
        ("requests throttled", counts["requests throttled"], requests),
        ("replies lost after success", counts["requests lost"] + counts["requests failed_after"], requests),
        ("requests failed (500)", counts["requests failed"], requests),
        ("invocations killed", counts["invocations killed"], invocations),
        ("of these by their time-out", counts["requests timed out"], invocations),
        ("containers reclaimed", counts["jobs: reclaimed"] + counts["jobs: cut off"], containers),
        ("containers out of memory", counts["jobs: out of memory"], containers),
    ]
    for name, count, of in rows:
        table.add_row(name, f"{count:,}", f"{of:,}", f"{100 * count / max(1, of):.1f}%")
    console.print(table)
    rest = Table(title="What became of it", title_justify="left")
    rest.add_column("what")
    rest.add_column("count", justify="right")
    rest.add_row("uploads", f"{result.uploads:,}")
    for name in sorted(counts):
        if name.startswith(
            (
                "runs ",
                "results ",
                "mended: ",
                "in dead",
                "jobs: ",
                "extra ",
                "most ",
                "messages ",
                "published ",
            )
        ):
            rest.add_row(name, f"{counts[name]:,}")
    console.print(rest)


def _compute(result: Result, console: Console) -> None:
    table = Table(title="Where the containers' time went", title_justify="left")
    table.add_column("what")
    table.add_column("hours", justify="right")
    table.add_column("of the useful", justify="right")
    useful = max(1.0, result.compute_s["useful"])
    for name, seconds in sorted(result.compute_s.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{seconds / 3600:,.1f}", f"{100 * seconds / useful:.2f}%")
    console.print(table)


def write_json(result: Result, path: Path) -> None:
    document: dict[str, Any] = {
        **{
            name: dict(value) if isinstance(value, Counter) else value for name, value in vars(result).items()
        },
        "kept": result.kept,
        "extra_compute": result.extra_compute,
        "broken_counts": {name: len(what) for name, what in result.broken.items()},
    }
    path.write_text(json.dumps(document, indent=1, sort_keys=True))
