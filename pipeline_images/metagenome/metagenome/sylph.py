"""sylph: which species a sample holds, told by the words of DNA that each genome alone has.

A second opinion beside Kraken 2's: it believes in a genome only when words from all over it are there, so a
few reads that are like another species' do not deceive it, and it does not see what is rare. pysylph is
sylph's own code, called from Python.

The reference is a folder with one `*.syldb` and a `taxa.tsv`: the name of each genome (the file that was
sketched), its species' taxid and name.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from csv import DictReader
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pysylph
from programs.outcome import BAD_SETTINGS, Failed
from reporting.tables import tsv

TAXA = "taxa.tsv"
GENOMES_AT_ONCE = 1_000  # a real database holds 100,000 and does not fit into a job's memory
HEADER = ("taxid", "name", "relative_abundance", "ani", "coverage")


@dataclass(frozen=True, kw_only=True)
class Found:
    """A species: `share` of the bases that belong to a known genome; identity and depth of its best one."""

    taxid: int
    name: str
    share: float
    ani: float  # percent
    coverage: float


def sketch(blocks: Iterable[list[bytes]], *, paired: bool) -> pysylph.SampleSketch:
    """`blocks` hold the bases of reads, mates one after the other."""
    sketcher = pysylph.Sketcher()
    if not paired:
        return sketcher.sketch_single("sample", (read for block in blocks for read in block))
    mates: list[bytes] = []  # the second one, while sylph looks at the first

    def first_mates() -> Iterator[bytes]:
        for block in blocks:
            for first, second in zip(block[::2], block[1::2], strict=True):
                mates.append(second)
                yield first

    return sketcher.sketch_paired("sample", first_mates(), iter(mates.pop, None))


def profile(sample: pysylph.SampleSketch, folder: Path) -> list[Found]:
    """The species of the reference in `folder` that are there, the most abundant first. Raises `Failed`."""
    taxa = read_taxa(folder / TAXA)
    genomes = iter(pysylph.DatabaseFile(str(database(folder))))
    there = []
    # sylph asks every genome by itself first, at a lower identity than it wants in the end: so those that may
    # be there can be looked for part by part, and only they compete for the words that they share.
    while part := list(islice(genomes, GENOMES_AT_ONCE)):
        there += [hit.genome_sketch for hit in _profiler(part).query(sample)]
    by_species = defaultdict(list)
    for result in _profiler(there).profile(sample) if there else []:
        name = Path(result.genome_sketch.name).name
        if name not in taxa:
            raise Failed(f"{folder / TAXA} does not say which species {name} is of", BAD_SETTINGS)
        by_species[taxa[name]].append(result)
    total = sum(each.sequence_abundance for results in by_species.values() for each in results)
    found = [
        Found(
            taxid=taxid,
            name=species,
            share=sum(each.sequence_abundance for each in results) / total,
            ani=max(each.ani for each in results),
            coverage=max(each.coverage for each in results),
        )
        for (taxid, species), results in by_species.items()
    ]
    return sorted(found, key=lambda each: (-each.share, each.taxid))


def _profiler(genomes: list[pysylph.GenomeSketch]) -> pysylph.Profiler:
    return pysylph.Profiler(pysylph.Database(genomes), minimum_ani=None, seq_id=None)  # sylph's own


def database(folder: Path) -> Path:
    """The one database in a folder. Raises `Failed`."""
    found = sorted(folder.glob("*.syldb"))
    if len(found) != 1 or not (folder / TAXA).is_file():
        raise Failed(
            f"the reference of sylph must be one .syldb file and {TAXA}, but {folder} has "
            f"{', '.join(sorted(path.name for path in folder.iterdir())) or 'nothing'}",
            BAD_SETTINGS,
        )
    return found[0]


def read_taxa(path: Path) -> dict[str, tuple[int, str]]:
    """By genome: the taxid and the name of its species."""
    with path.open(newline="") as lines:
        rows = DictReader(lines, delimiter="\t")
        try:
            return {Path(row["genome"]).name: (int(row["taxid"]), row["species"]) for row in rows}
        except (KeyError, TypeError, ValueError):
            raise Failed(
                f"line {rows.line_num} of {path} must have a genome, a taxid (a number) and a species, below "
                "a header with these words",
                BAD_SETTINGS,
            ) from None


def found_text(found: Iterable[Found]) -> str:
    rows = [(f.taxid, f.name, f"{f.share:.6f}", f"{f.ani:.2f}", f"{f.coverage:.3f}") for f in found]
    return tsv(HEADER, rows)


def read_found(text: str) -> list[Found]:
    """What `found_text` wrote."""
    return [
        Found(
            taxid=int(row["taxid"]),
            name=row["name"],
            share=float(row["relative_abundance"]),
            ani=float(row["ani"]),
            coverage=float(row["coverage"]),
        )
        for row in DictReader(text.splitlines(), delimiter="\t")
    ]
