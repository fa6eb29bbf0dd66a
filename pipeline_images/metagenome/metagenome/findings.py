"""What the numbers mean, in words: what is fine, what to mind, what to do."""

from reporting.findings import Finding, percent

from metagenome.agreement import APART, NOTABLE
from metagenome.read_kind import ReadKind
from metagenome.summary import Summary

# Rules of thumb of shotgun metagenomics, not of the tools: a report says which one it used.
FEW_FRAGMENTS = {ReadKind.SHORT: 50_000, ReadKind.LONG: 5_000}  # a long read tells as much as many short ones
MUCH_FILTERED = 0.25
MUCH_HOST = 0.5
MUCH_UNCLASSIFIED = 0.5
SOME_UNCLASSIFIED = 0.25
LOW_Q30 = 0.75
MUCH_DUPLICATION = 0.3
NAMED = 3  # species in a sentence
_WHY_FILTERED = {
    ReadKind.SHORT: "were too short or too poor. Often the library has many adapters (fragments that are too "
    "short), or the run went badly.",
    ReadKind.LONG: "were too short. Often the DNA was broken before the library was made; select longer "
    "fragments.",
}


def findings(summary: Summary) -> list[Finding]:
    """What to mind first, then what is as it should be."""
    found = [
        rule(summary)
        for rule in (_depth, _quality, _filter, _host, _unclassified, _duplication, _second_opinion)
    ]
    return sorted((finding for finding in found if finding), key=lambda finding: not finding.mind)


def _depth(s: Summary) -> Finding:
    few = FEW_FRAGMENTS[s.kind]
    if s.clean >= few:
        return Finding(
            mind=False,
            title="Enough reads",
            words=f"{s.clean:,} {s.unit} were left to look for organisms in.",
        )
    return Finding(
        mind=True,
        title="Few reads",
        words=f"Only {s.clean:,} {s.unit} were left to look for organisms in; under {few:,}, rare "
        "species "
        "are missed and small differences are chance. Sequence this sample deeper before comparing it.",
    )


def _quality(s: Summary) -> Finding | None:
    share = s.measured.q30_share
    if share is None:  # of long reads: what is usual differs from one chemistry to the next
        return None
    told = f"{percent(share)} of the bases are of quality 30 or better (one error in 1,000 bases)"
    if share >= LOW_Q30:
        return Finding(mind=False, title="Good quality", words=f"{told}.")
    return Finding(
        mind=True,
        title="Low quality",
        words=f"{told}; {percent(LOW_Q30)} or more is usual. Look at the sequencer's run report.",
    )


def _filter(s: Summary) -> Finding | None:
    if s.filter_share < MUCH_FILTERED:
        return None
    return Finding(
        mind=True,
        title="Many reads filtered out",
        words=f"{percent(s.filter_share)} of the {s.unit} {_WHY_FILTERED[s.kind]}",
    )


def _host(s: Summary) -> Finding:
    if not s.host_removal:
        return Finding(
            mind=True,
            title="Host reads not removed",
            words="There is no host reference, so reads of the host, if any, are still among the results.",
        )
    told = f"{percent(s.host_share)} of the filtered {s.unit} are the host's; they were removed"
    if s.host_share < MUCH_HOST:
        return Finding(mind=False, title="Host removed", words=f"{told}.")
    return Finding(
        mind=True,
        title="Mostly host",
        words=f"{told}. That leaves little for the microbes: deplete host DNA in the laboratory, or "
        "sequence deeper.",
    )


def _unclassified(s: Summary) -> Finding:
    told = f"{percent(s.unclassified_share)} of the {s.unit} belong to nothing that the database knows"
    if s.unclassified_share < SOME_UNCLASSIFIED:
        return Finding(mind=False, title="Mostly classified", words=f"{told}.")
    if s.unclassified_share < MUCH_UNCLASSIFIED:
        return Finding(
            mind=True,
            title="Partly unknown",
            words=f"{told}. The shares below are of the known part only; samples from soil or water are "
            "often like this.",
        )
    return Finding(
        mind=True,
        title="Mostly unknown",
        words=f"{told}. The shares below describe the smaller part of the sample: use a database that fits "
        "it, "
        "and check for a host that is not the reference's.",
    )


def _duplication(s: Summary) -> Finding | None:
    share = s.measured.duplication
    if share is None or share < MUCH_DUPLICATION:
        return None
    return Finding(
        mind=True,
        title="Many duplicates",
        words=f"About {percent(share)} of the {s.unit} are copies of others: too little DNA went "
        "into the "
        "library, or it was amplified too often.",
    )


def _second_opinion(s: Summary) -> Finding | None:
    if s.agreement is None:
        return None
    if s.agreement.nothing:
        return Finding(
            mind=True,
            title="No second opinion",
            words="sylph saw no species: it needs reads from all over a genome, so either there are too few "
            "of each, or its database does not hold them. The shares below are Kraken 2's alone.",
        )
    disputed = s.agreement.disputed
    if not disputed:
        return Finding(
            mind=False,
            title="Two methods agree",
            words="Kraken 2, which looks at each read, and sylph, which looks at whole genomes, give every "
            f"species a like share (Bray–Curtis distance {s.agreement.distance:.2f}).",
        )
    named = ", ".join(
        f"{each.name} ({percent(each.kraken2)} and {percent(each.sylphs)})" for each in disputed[:NAMED]
    )
    more = f" and {len(disputed) - NAMED} more" if len(disputed) > NAMED else ""
    return Finding(
        mind=True,
        title="Two methods disagree",
        words=f"Kraken 2 and sylph give other shares of {named}{more}: {percent(APART)} or more apart, or "
        f"{percent(NOTABLE)} or more and not seen by the other. Look at the table of the second opinion "
        "before relying on these species.",
    )
