"""Contigs, bins and a summary for tests, without any tool."""

from random import Random

from assembly.binning import Bin, bins_of
from assembly.contigs import Contig, named_by_length, shape_of
from assembly.summary import Summary, lengths_of


def contigs(*lengths: int, seed: int = 1) -> list[Contig]:
    """Of random bases, longest first."""
    random = Random(seed)
    return named_by_length(
        [Contig(name=f"k{n}", bases="".join(random.choices("ACGT", k=n))) for n in lengths]
    )


def summary(
    *,
    lengths: tuple[int, ...] = (60_000, 3_000, 700),
    binned: int = 1,
    files: tuple[str, ...] = ("s_R1.fastq.gz", "s_R2.fastq.gz"),
    cleaned: bool = True,
    mapped: int = 180,
    genes: int = 60,
) -> Summary:
    """Of 120 uploaded pairs, 100 were assembled; the `binned` longest contigs are a bin."""
    made = contigs(*lengths)
    bins: tuple[Bin, ...] = tuple(bins_of([made[:binned]], {})) if binned else ()
    return Summary(
        unit="pairs",
        files=files,
        cleaned=cleaned,
        uploaded=120,
        fragments=100,
        bases=20_000,
        reads=200,
        mapped=mapped,
        shape=shape_of(made),
        genes=genes,
        bins=bins,
        bin_genes={each.name: 50 for each in bins},
        lengths=lengths_of(made),
    )
