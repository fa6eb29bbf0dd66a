"""What the benchmark of the metagenome pipeline tells is what was measured."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import metagenome
from benchmarks.in_container import disk_bytes
from benchmarks.metagenome_figures import (
    OURS,
    Taken,
    asked,
    compared,
    sizing_faults,
    target_faults,
)

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
TAKEN = Taken(wall_s=20.0, cpu_s=40.0, rss_mib=2_000.0, disk_bytes=10_000_000)
PLAIN, GZIPPED = "plain files between", "gzip between"
SLOW = replace(TAKEN, wall_s=60.0, disk_bytes=50_000_000)


def test_the_most_that_lay_on_the_disk_is_told_and_not_what_is_left(tmp_path: Path) -> None:
    """A workflow that removes its files at the end would look as if it had needed none."""
    work = tmp_path / "work"
    work.mkdir()
    script = (
        f"import os, time; f = open({str(work / 'between')!r}, 'wb'); f.write(os.urandom({8 * MIB}));"
        "f.flush();"
        f"time.sleep(0.8); os.remove(f.name); open({str(work / 'end')!r}, 'wb').write(os.urandom({MIB}))"
    )
    command = [sys.executable, "-m", "benchmarks.in_container", str(work), sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert 8 * MIB <= told["disk_bytes"] < 10 * MIB
    assert told["wall_s"] > 0.8
    assert MIB <= disk_bytes(work) < 2 * MIB


def test_a_way_that_failed_is_not_measured_as_a_fast_one(tmp_path: Path) -> None:
    """A broken workflow would be the fastest of all."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.in_container",
        str(tmp_path),
        "sh",
        "-c",
        "echo why >&2; exit 3",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (3, "why")


def test_ratios_are_to_ours_and_a_missed_target_is_a_fault() -> None:
    """The table would praise what the other way round is true."""
    ways = {
        OURS: [TAKEN, replace(TAKEN, wall_s=22.0), replace(TAKEN, wall_s=90.0)],
        PLAIN: [SLOW],
        GZIPPED: [SLOW],
    }
    rows = compared(ways, "").rows
    assert rows[OURS][0] == 22.0
    assert rows[PLAIN][-2:] == pytest.approx([60 / 22, 5.0])
    assert target_faults(ways) == []
    missed = target_faults(ways | {PLAIN: [replace(SLOW, wall_s=40.0, disk_bytes=20_000_000)]})
    assert [fault.split(": ")[1] for fault in missed] == [
        "1.82 times as long as the pipeline, not 2.5",
        "2.0 times the pipeline's disk, not 4",
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"rss_mib": 1e6}, "memoryMib"),
        ({"disk_bytes": 1 << 50}, "scratchGib"),
        ({"wall_s": 1e9}, "timeLimitMinutes"),
    ],
)
def test_a_point_above_what_is_asked_for_is_a_fault(change: dict[str, Any], what: str) -> None:
    """Jobs of that size would be killed for want of what pipeline.yaml forgot."""
    size = 200 * MIB
    assert sizing_faults({1_000_000: (TAKEN, size)}) == []
    (fault,) = sizing_faults({1_000_000: (replace(TAKEN, **change), size)})
    assert fault.startswith(f"1,000,000 pairs: {what} asks for {asked(what, size):.1f}")


def test_a_reads_origin_is_its_genomes(tmp_path: Path) -> None:
    """Human pairs that came through would be counted as microbes."""
    reads = tmp_path / "r.fastq.gz"
    reads.write_bytes(gzip.compress(b"@human__0-7/1\n@CGT\n+\nIIII\n@E.coli_MG1655__0-3/1\nACGT\n+\n@III\n"))
    assert list(metagenome.origins_of(reads)) == ["human", "E.coli_MG1655"]
