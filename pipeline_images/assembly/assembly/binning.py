"""Bins: MetaBAT 2 puts together the contigs that are likely of one genome, by their words and coverage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_program

from assembly.contigs import Contig, Shape, read_fasta, shape_of
from assembly.settings import Settings

SHORTEST_CONTIG = 1_500  # bases; shorter ones tell too little of their genome
SMALLEST_BIN = 200_000  # bases
SEED = 1  # MetaBAT 2 is random without one: the same sample must give the same bins


@dataclass(frozen=True, kw_only=True)
class Bin:
    name: str
    contigs: tuple[Contig, ...]
    shape: Shape
    coverage: float  # mean over its bases


def put_in_bins(
    contigs: Path, depths: Path, coverage: Mapping[str, float], settings: Settings, work: Path
) -> list[Bin]:
    """The bins, largest first; there may be none."""
    folder = work / "bins"
    folder.mkdir()
    command: list[str | Path] = ["metabat2", "-i", contigs, "-a", depths, "-o", folder / "bin"]
    command += ["-m", str(SHORTEST_CONTIG), "-s", str(SMALLEST_BIN), "--seed", str(SEED)]
    run_program(Program(name="metabat2", command=[*command, "-t", str(settings.threads)]), work)
    return bins_of([list(read_fasta(path)) for path in folder.glob("bin.*.fa")], coverage)


def bins_of(groups: Sequence[Sequence[Contig]], coverage: Mapping[str, float]) -> list[Bin]:
    """Largest first, `bin_1` and so on."""
    ordered = sorted(groups, key=lambda group: (-sum(len(c.bases) for c in group), group[0].name))
    return [
        Bin(
            name=f"bin_{number}",
            contigs=tuple(group),
            shape=shape_of(group),
            coverage=mean_coverage(group, coverage),
        )
        for number, group in enumerate(ordered, start=1)
    ]


def mean_coverage(contigs: Sequence[Contig], coverage: Mapping[str, float]) -> float:
    """Over the bases of the contigs, not over the contigs."""
    total = sum(len(contig.bases) for contig in contigs)
    return sum(coverage.get(c.name, 0.0) * len(c.bases) for c in contigs) / total if total else 0.0
