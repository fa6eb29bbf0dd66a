"""What the numbers mean, in words: what is fine, what to mind, what to do."""

from reporting.findings import Finding, percent

from assembly.binning import SHORTEST_CONTIG, SMALLEST_BIN
from assembly.summary import Summary

# Rules of thumb of metagenome assembly, not of the tools.
FEW_MAPPED = 0.5
SHORT_N50 = 1_000
LITTLE_BINNED = 0.1


def findings(summary: Summary) -> list[Finding]:
    """What to mind first, then what is as it should be."""
    found = [rule(summary) for rule in (_cleaned, _mapped, _n50, _bins)]
    return sorted((finding for finding in found if finding), key=lambda finding: not finding.mind)


def _cleaned(s: Summary) -> Finding:
    if s.cleaned:
        return Finding(
            mind=False,
            title="Clean reads",
            words="The reads are those that the metagenome run kept: trimmed, filtered, without the host's.",
        )
    return Finding(
        mind=True,
        title="Reads as uploaded",
        words="These reads were uploaded to the assembly itself, so they were neither filtered nor are the "
        "host's reads removed: contigs may be the host's. Upload the sample to the metagenome pipeline "
        "instead; its assembly then starts by itself.",
    )


def _mapped(s: Summary) -> Finding:
    told = f"{percent(s.mapped_share)} of the reads are found again in the contigs"
    if s.mapped_share >= FEW_MAPPED:
        return Finding(mind=False, title="Most reads assembled", words=f"{told}.")
    return Finding(
        mind=True,
        title="Few reads assembled",
        words=f"{told}. The others are of organisms that are too rare, or too many, to be put together: the "
        "contigs describe the smaller part of the sample. Deeper sequencing helps.",
    )


def _n50(s: Summary) -> Finding | None:
    if s.shape.n50 >= SHORT_N50:
        return None
    return Finding(
        mind=True,
        title="Short contigs",
        words=f"Half of the assembled bases are in contigs of under {SHORT_N50:,} bases: most genes are cut. "
        "Sequence deeper, or take longer reads.",
    )


def _bins(s: Summary) -> Finding:
    if not s.bins:
        return Finding(
            mind=True,
            title="No bins",
            words=f"No genome could be put together: a bin needs {SMALLEST_BIN:,} bases in contigs of "
            f"{SHORTEST_CONTIG:,} or more that are alike in composition and coverage.",
        )
    number = f"{len(s.bins):,} bins" if len(s.bins) > 1 else "One bin"
    told = f"{number} with {percent(s.binned_share)} of the assembled bases"
    if s.binned_share < LITTLE_BINNED:
        return Finding(mind=True, title="Little in bins", words=f"{told}: most contigs belong to no bin.")
    return Finding(mind=False, title="Bins", words=f"{told}.")
