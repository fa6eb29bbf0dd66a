"""What the numbers mean, in words: what is fine, what to mind, what to do."""

from reporting.findings import Finding, percent

from amplicon.summary import Summary

# Rules of thumb of amplicon sequencing, not of the tools: a report says which one it used.
FEW_READS = 5_000
MANY_WITHOUT_PRIMERS = 0.2
MUCH_UNMERGED = 0.4
MUCH_FILTERED = 0.4
MUCH_CHIMERIC = 0.2
MUCH_UNEXPLAINED = 0.2
MUCH_NAMELESS = 0.25  # at a phylum's rank, nearly everything of a body's flora has a name
MUCH_ORGANELLE = 0.1
_ORGANELLES = ("chloroplast", "mitochondria")


def findings(summary: Summary) -> list[Finding]:
    """What to mind first, then what is as it should be."""
    rules = (_depth, _primers, _merging, _filter, _chimeras, _unexplained, _names, _organelles)
    found = [rule(summary) for rule in rules]
    return sorted((finding for finding in found if finding), key=lambda finding: not finding.mind)


def _depth(s: Summary) -> Finding:
    told = f"{s.variants.reads:,} {s.unit} belong to a variant"
    if s.variants.reads >= FEW_READS:
        return Finding(mind=False, title="Enough reads", words=f"{told}.")
    return Finding(
        mind=True,
        title="Few reads",
        words=f"{told}; under {FEW_READS:,}, rare organisms are missed and small differences are chance. "
        "Sequence this sample deeper before comparing it.",
    )


def _primers(s: Summary) -> Finding:
    if not s.primers.any:
        return Finding(
            mind=False,
            title="No primers found",
            words="The reads begin with none of the well-known primers, so they were used as they are. If "
            "other primers are still on them, cut them off first: they hide real differences and make "
            "false ones.",
        )
    ways = " They lie both ways round and were turned." if s.primers.mixed else ""
    lost = 1 - s.trimmed / s.fragments
    told = f"{s.primers.told} were cut off; {percent(1 - lost)} of the {s.unit} carried them.{ways}"
    if lost < MANY_WITHOUT_PRIMERS:
        return Finding(mind=False, title="Primers found", words=told)
    return Finding(
        mind=True,
        title="Many reads without primers",
        words=f"{told} The others were left out: they may be another amplicon of the same run, or PhiX.",
    )


def _merging(s: Summary) -> Finding | None:
    if s.merged is None:
        return None
    share = s.merged / s.trimmed
    told = f"{percent(share)} of the pairs overlap and became one sequence"
    if s.forward_only:
        return Finding(
            mind=True,
            title="Forward reads alone",
            words=f"Only {told}, so the forward reads were used without their mates: the amplicon is "
            "longer than both reads together. Names go less deep, and such samples compare only with "
            "others done like this.",
        )
    if share >= 1 - MUCH_UNMERGED:
        return Finding(mind=False, title="Pairs merged", words=f"{told}.")
    return Finding(
        mind=True,
        title="Many pairs not merged",
        words=f"{told}. The others are of poor quality at their ends, or of amplicons that are too long; "
        "long ones are then missing in the tables.",
    )


def _filter(s: Summary) -> Finding | None:
    share = 1 - s.filtered / s.joined
    if share < MUCH_FILTERED:
        return None
    return Finding(
        mind=True,
        title="Many reads filtered out",
        words=f"{percent(share)} of the sequences have more than one expected error or are too short. Look "
        "at the sequencer's run report.",
    )


def _chimeras(s: Summary) -> Finding:
    share = s.variants.chimeric_reads / s.filtered
    told = f"{s.variants.chimeras:,} chimeras with {percent(share)} of the sequences were taken out"
    if share < MUCH_CHIMERIC:
        return Finding(mind=False, title="Few chimeras", words=f"{told}.")
    return Finding(
        mind=True,
        title="Many chimeras",
        words=f"{told}. Often primers are still on the reads, or the PCR had too many cycles.",
    )


def _unexplained(s: Summary) -> Finding | None:
    share = s.unexplained / s.filtered
    if share < MUCH_UNEXPLAINED:
        return None
    return Finding(
        mind=True,
        title="Much is too rare",
        words=f"{percent(share)} of the sequences are like no variant: organisms seen under "
        f"{s.variants.rarest} times, or errors. Observed diversity is too low by them; sequence deeper.",
    )


def _names(s: Summary) -> Finding:
    rank = next((rank for rank in ("phylum", "domain", "kingdom") if rank in s.tables), "phylum")
    share = 1 - s.named_share(rank)
    told = f"{percent(share)} of the {s.unit} have no name at the rank of {rank}"
    if share < MUCH_NAMELESS:
        genus = percent(s.named_share("genus"))
        return Finding(mind=False, title="Mostly named", words=f"{told}; {genus} have a genus.")
    return Finding(
        mind=True,
        title="Partly nameless",
        words=f"{told}. The reference may be of another gene or too small, or the host's DNA was amplified.",
    )


def _organelles(s: Summary) -> Finding | None:
    """Plants' chloroplasts and mitochondria have a 16S gene, too."""
    total = sum(
        variant.reads
        for variant in s.variants.found
        if any(name.name.casefold() in _ORGANELLES for name in s.names.get(variant.name, ()))
    )
    share = total / (s.variants.reads or 1)
    if share < MUCH_ORGANELLE:
        return None
    return Finding(
        mind=True,
        title="Chloroplasts or mitochondria",
        words=f"{percent(share)} of the {s.unit} are of a plant's or animal's organelles, not of bacteria. "
        "Leave them out before comparing samples.",
    )
