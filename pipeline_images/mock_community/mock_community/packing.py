"""Writes the sample as a sequencing centre hands it over, and the truth beside it."""

import csv
import gzip
import tarfile
import tempfile
from pathlib import Path

from mock_community.community import HUMAN, UNKNOWN
from mock_community.sequencing import Genome, Pair

TRUTH = (
    "taxid",
    "name",
    "strain",
    "genome_bases",
    "pairs",
    "read_share",
    "relative_abundance",
    "genome_share",
)


def pack(pairs: list[Pair], target: Path, *, lanes: int, single_end: bool) -> None:
    """input.tar with the gzipped FASTQ files; a lane holds every `lanes`-th pair."""
    mates = (0,) if single_end else (0, 1)
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar, tempfile.TemporaryDirectory() as room:
        for lane in range(lanes):
            for mate in mates:
                path = Path(room, file_name(lane, mate, lanes=lanes, single_end=single_end))
                with path.open("wb") as raw, gzip.GzipFile("", "wb", 4, raw, mtime=0) as out:
                    out.writelines(pair[mate] for pair in pairs[lane::lanes])
                tar.add(path, path.name, filter=_anonymous)


def file_name(lane: int, mate: int, *, lanes: int, single_end: bool) -> str:
    in_lane = f"_L{lane + 1:03d}" if lanes > 1 else ""
    return f"sample{in_lane}.fastq.gz" if single_end else f"sample{in_lane}_R{mate + 1}.fastq.gz"


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time, so that the same reads give the same archive."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def write_truth(path: Path, genomes: list[Genome]) -> None:
    """`relative_abundance` is what abundance/species.tsv should show: the share of the known species' reads.

    `genome_share` is the share of genome copies: reads per genome length.
    """
    total = sum(g.pairs for g in genomes)
    known = [g for g in genomes if g.strain not in (HUMAN, UNKNOWN)]
    reads, copies = sum(g.pairs for g in known), sum(g.pairs / g.bases for g in known)
    with path.open("w", newline="") as out:
        table = csv.writer(out, delimiter="\t", lineterminator="\n")
        table.writerow(TRUTH)
        for g in genomes:
            shares = (g.pairs / reads, g.pairs / g.bases / copies) if g in known else (0.0, 0.0)
            row = (g.taxid, g.name, g.strain, g.bases, g.pairs)
            table.writerow((*row, *(f"{share:.6f}" for share in (g.pairs / total, *shares))))
