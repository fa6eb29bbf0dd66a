"""The metagenome pipeline: against a workflow of the same tools, over sizes, and against the truth.

The same samples go through the metagenome image's pipeline and through a plain Snakemake workflow (fastp,
minimap2 or bowtie2 with samtools, Kraken 2, MultiQC) whose tools are those of the same image, one after the
other, in containers that differ in nothing else. The pipeline does more in that time: it checks every record,
asks sylph, writes tables, charts and the report. The samples are mock communities.

METAGENOME_COMPARED=n (pairs) METAGENOME_ROUNDS=n METAGENOME_PAIRS=n,n,… (sizes) METAGENOME_SEEDS=n,n,…
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks import metagenome_workflow as workflow
from benchmarks.metagenome_figures import (
    OURS,
    Accuracy,
    Taken,
    accuracies,
    compared,
    scaling,
    sizing_faults,
    target_faults,
)
from benchmarks.report import FOLDER, ROOT, Report
from canary import mock, truth
from pipeline_images import containers

COMPARED_PAIRS, ROUNDS = 1_000_000, 3
PAIRS = "100000,500000,1000000,4000000"
SEEDS = "7101,7202,7303"  # nothing was tuned on them
ACCURACY_PAIRS = 300_000
THREADS = 2
IMAGE = containers.local_image("metagenome")


def measure(console: Console) -> Report:
    docker = containers.engine()
    if not docker.has(IMAGE):
        return Report(title="Nothing was measured.", faults=[f"{IMAGE} is missing: make images"])
    if sys.version_info[:2] != workflow.PYTHON:
        wanted = ".".join(map(str, workflow.PYTHON))
        return Report(
            title="Nothing was measured.", faults=[f"Snakemake has to be installed by Python {wanted}"]
        )
    sizes = _numbers("METAGENOME_PAIRS", PAIRS)
    rounds = int(os.environ.get("METAGENOME_ROUNDS", ROUNDS))
    pairs = int(os.environ.get("METAGENOME_COMPARED", COMPARED_PAIRS))
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="metagenome-") as name:
        bench = Bench(docker=docker, folder=Path(name), console=console)
        ways = bench.ways(pairs, rounds) if rounds else {}
        scaled = {size: bench.scaled(size) for size in sizes}
        accuracy = [bench.accuracy(seed) for seed in _numbers("METAGENOME_SEEDS", SEEDS)]
    comparisons = [compared(ways, f"{pairs:,} pairs")] if ways else []
    comparisons += [scaling(scaled)] if scaled else []
    comparisons += [accuracies(accuracy, f"{ACCURACY_PAIRS:,} pairs")] if accuracy else []
    return Report(
        title=f"The metagenome pipeline on {THREADS} threads",
        comparisons=comparisons,
        detail={
            "ways": {way: [asdict(each) for each in found] for way, found in ways.items()},
            "scaled": {pairs: [asdict(taken), size] for pairs, (taken, size) in scaled.items()},
            "accuracy": [asdict(each) for each in accuracy],
            "packages": workflow.PACKAGES,
        },
        faults=[*target_faults(ways), *sizing_faults(scaled)],
    )


class Bench:
    """Runs samples through the image, and keeps them apart."""

    def __init__(self, *, docker: containers.Engine, folder: Path, console: Console) -> None:
        self._docker, self._folder, self._console = docker, folder, console

    def ways(self, pairs: int, rounds: int) -> dict[str, list[Taken]]:
        """Every way once a round, so that whatever else the machine does falls on all of them."""
        sample = self._sample(pairs, seed=1)
        plain = workflow.Workflow(self._docker, ROOT / ".build" / "packages")
        found: dict[str, list[Taken]] = {OURS: [], **{name: [] for name in workflow.WAYS}}
        for number in range(rounds):
            found[OURS].append(self._ours(sample))
            for name, way in workflow.WAYS.items():
                found[name].append(self._plain(sample, plain, way))
            told = ", ".join(f"{each[-1].wall_s:.1f}" for each in found.values())
            self._console.print(f"{pairs:,} pairs, round {number + 1} of {rounds}: {told} s")
        return found

    def scaled(self, pairs: int, *, seed: int = 1) -> tuple[Taken, int]:
        """What a sample took, and the bytes of its upload."""
        sample = self._sample(pairs, seed=seed)
        taken = self._ours(sample)
        self._console.print(f"{pairs:,} pairs: {taken.wall_s:.1f} s, {taken.rss_mib:.0f} MiB")
        return taken, sample.input_tar.stat().st_size

    def accuracy(self, seed: int) -> Accuracy:
        sample = self._sample(ACCURACY_PAIRS, seed=seed)
        work = self._work()
        self._ours(sample, work)
        species = work / "out" / "abundance" / "species.tsv"
        wanted = truth.true_shares(sample.truth)
        found, _ = truth.measured_shares(species)
        right = len(wanted.keys() & found.keys())
        origins = list(origins_of(self._reads(sample) / "sample_R1.fastq.gz"))
        kept = gzip.decompress((work / "out" / "reads" / "kept.tsv.gz").read_bytes()).split(b"\n")
        through = [line.split(b"\t")[0] != b"0" for line in kept if line]
        host = [left for origin, left in zip(origins, through, strict=True) if origin == "human"]
        other = [left for origin, left in zip(origins, through, strict=True) if origin != "human"]
        return Accuracy(
            seed=seed,
            bray_curtis=truth.bray_curtis(wanted, found),
            precision=right / len(found),
            recall=right / len(wanted),
            host_pairs=len(host),
            host_left=sum(host),
            others=len(other),
            others_lost=len(other) - sum(other),
        )

    def _sample(self, pairs: int, *, seed: int) -> mock.Community:
        return mock.community(ROOT / ".build" / "mock", pairs=pairs, seed=seed)

    def _reads(self, sample: mock.Community) -> Path:
        """The upload's files, as the runner stages them; only the last sample's are kept."""
        reads = self._folder / f"in-{sample.input_tar.parent.name}"
        if not reads.is_dir():
            for other in self._folder.glob("in-*"):
                shutil.rmtree(other)
            with tarfile.open(sample.input_tar) as tar:
                tar.extractall(reads, filter="data")
        return reads

    def _work(self) -> Path:
        work = self._folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        for name in ("out", "scratch"):
            (work / name).mkdir(parents=True)
        return work

    def _ours(self, sample: mock.Community, work: Path | None = None) -> Taken:
        environ = {"THREADS": str(THREADS), "SCRATCH": "/work/scratch", "REFERENCES": "/references"}
        command = ["/opt/pipeline/run", "/input", "/work/out"]
        return self._run(sample, work or self._work(), command, environ)

    def _plain(self, sample: mock.Community, plain: workflow.Workflow, way: workflow.Way) -> Taken:
        command = plain.command(way, THREADS)
        return self._run(sample, self._work(), command, plain.environ, plain.mounts, workflow.IMAGE)

    def _run(
        self,
        sample: mock.Community,
        work: Path,
        command: Sequence[str],
        environ: dict[str, str],
        more: Sequence[str] = (),
        image: str = IMAGE,
    ) -> Taken:
        references = self._references()
        os.sync()  # what was written before must not go to disk during this one
        words = ["run", "--rm", "--network=none", "--user=0", "--entrypoint=python3", *more]
        words += [f"--env={key}={value}" for key, value in environ.items()]
        words += [f"--volume={self._reads(sample)}:/input:ro", f"--volume={references}:/references:ro"]
        words += [f"--volume={work}:/work", f"--volume={ROOT / 'benchmarks'}:/bench/benchmarks:ro"]
        words += ["--workdir=/bench", image]
        done = subprocess.run(
            self._docker.command(*words, "-m", "benchmarks.in_container", "/work", *command),
            env=dict(self._docker.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return Taken(**json.loads(done.stdout.splitlines()[-1]))

    def _references(self) -> Path:
        """A folder for each role, as the runner lays them out."""
        described = yaml.safe_load((ROOT / "pipeline_images" / "metagenome" / "pipeline.yaml").read_text())
        folder = self._folder / "references"
        if not folder.is_dir():
            made = mock.community(ROOT / ".build" / "mock", pairs=1_000, seed=1).references
            for role, name in described["references"].items():
                (version,) = (made / name).iterdir()
                shutil.copytree(version, folder / role)
        return folder


def origins_of(reads: Path) -> Iterator[str]:
    """The genome that each read of a mock community comes from: its name begins with it."""
    with gzip.open(reads, "rt") as lines:
        for number, line in enumerate(lines):
            if number % 4 == 0:
                yield line[1:].split("__")[0]


def _numbers(variable: str, default: str) -> list[int]:
    return [int(number) for number in os.environ.get(variable, default).split(",") if number]
