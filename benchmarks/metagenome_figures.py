"""What the benchmark of the metagenome pipeline tells of what it measured, and what must hold."""

import statistics
from dataclasses import dataclass

import yaml

from benchmarks.report import ROOT, Comparison

OURS = "the pipeline"
FASTER, SMALLER = 2.5, 4  # what is aimed for: so many times as fast, and a part of the disk
GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Of everything in the container; `disk_bytes` without the upload."""

    wall_s: float
    cpu_s: float
    rss_mib: float
    disk_bytes: int
    anonymous_mib: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """At species level, against what was sequenced; fragments of the host that came through."""

    seed: int
    bray_curtis: float
    precision: float
    recall: float
    host_pairs: int
    host_left: int
    others: int
    others_lost: int


def compared(ways: dict[str, list[Taken]], what: str) -> Comparison:
    """Medians; the last columns say how many times as much as the pipeline a way takes."""
    wall = {way: statistics.median(each.wall_s for each in found) for way, found in ways.items()}
    cpu = {way: statistics.median(each.cpu_s for each in found) for way, found in ways.items()}
    disk = {way: max(each.disk_bytes for each in found) for way, found in ways.items()}
    return Comparison(
        title=f"{what}, median of {len(ways[OURS])} rounds",
        columns=["wall s", "CPU s", "memory MiB", "disk MB", "CPU ÷ ours", "time ÷ ours", "disk ÷ ours"],
        rows={
            way: [
                wall[way],
                cpu[way],
                max(each.rss_mib for each in found),
                disk[way] / 1e6,
                cpu[way] / cpu[OURS],
                wall[way] / wall[OURS],
                disk[way] / disk[OURS],
            ]
            for way, found in ways.items()
        },
    )


def scaling(scaled: dict[int, tuple[Taken, int]]) -> Comparison:
    return Comparison(
        title="The pipeline over sizes, beside what pipeline.yaml asks for",
        columns=["upload MB", "wall s", "CPU s", "memory MiB", "asked MiB", "disk MB", "asked GB"],
        rows={
            f"{pairs:,} pairs": [
                size / 1e6,
                taken.wall_s,
                taken.cpu_s,
                taken.rss_mib,
                asked("memoryMib", size),
                (taken.disk_bytes + size) / 1e6,
                asked("scratchGib", size) * GIB / 1e9,
            ]
            for pairs, (taken, size) in scaled.items()
        },
    )


def accuracies(found: list[Accuracy], what: str) -> Comparison:
    return Comparison(
        title=f"Against the truth, {what} each",
        columns=["Bray-Curtis", "precision", "recall", "host pairs", "left", "others", "lost"],
        rows={
            f"seed {each.seed}": [
                each.bray_curtis,
                each.precision,
                each.recall,
                each.host_pairs,
                each.host_left,
                each.others,
                each.others_lost,
            ]
            for each in found
        },
    )


def asked(what: str, upload_bytes: int) -> float:
    """What pipeline.yaml asks for an upload, in its unit; minutes for `timeLimitMinutes`."""
    described = yaml.safe_load((ROOT / "pipeline_images" / "metagenome" / "pipeline.yaml").read_text())
    function = (described["resources"] | described)[what]
    return float(function["base"] + function["perInputGib"] * upload_bytes / GIB)


def sizing_faults(scaled: dict[int, tuple[Taken, int]]) -> list[str]:
    """Each measured point must lie below what is asked for."""
    faults = []
    for pairs, (taken, size) in scaled.items():
        points = {
            "memoryMib": taken.rss_mib,
            "scratchGib": (taken.disk_bytes + size) / GIB,
            "timeLimitMinutes": taken.wall_s / 60,
        }
        faults += [
            f"{pairs:,} pairs: {what} asks for {asked(what, size):.1f}, {used:.1f} were used"
            for what, used in points.items()
            if used > asked(what, size)
        ]
    return faults


def target_faults(ways: dict[str, list[Taken]]) -> list[str]:
    if not ways:
        return []
    rows, faults = compared(ways, "").rows, []
    for way in (way for way in ways if way != OURS):
        *_, faster, smaller = rows[way]
        if faster < FASTER:
            faults.append(f"{way}: {faster:.2f} times as long as the pipeline, not {FASTER}")
        if smaller < SMALLER:
            faults.append(f"{way}: {smaller:.1f} times the pipeline's disk, not {SMALLER}")
    return faults
