"""`krona.html`: the classification as rings to click through, by KronaTools.

The page holds its script and its images, so that it works without network. It is also forbidden to load
anything: the script names an address of its own for a logo that it does not find.
"""

from collections import Counter
from pathlib import Path

from programs.chain import Program, run_program
from programs.outcome import Failed

from metagenome.kraken_report import ROOT, UNCLASSIFIED, Classification, Taxon

# ktImportText writes names into the page as they are, and the page's script makes markup of them.
_PLAIN = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "&": "&amp;", "\t": " ", "\n": " "})
_HEAD = "<head>"
_LOADS_NOTHING = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\"/>"
)


def krona(classification: Classification, work: Path, page: Path) -> None:
    """Raises `Failed` when there is no page that loads nothing."""
    lineages, drawn = work / "krona.tsv", work / "krona.html"
    lineages.write_text(lineages_text(classification))
    command: list[str | Path] = ["ktImportText", "-n", "all", "-o", drawn, f"{lineages},sample"]
    run_program(Program(name="ktImportText", command=command), work)
    page.write_text(loading_nothing(drawn.read_text()))


def lineages_text(classification: Classification) -> str:
    """A line for each taxon with fragments of its own: how many, and the names from below the root to it."""
    below: Counter[int] = Counter()
    for taxon in classification.taxa.values():
        if taxon.parent is not None:
            below[taxon.parent] += taxon.fragments
    lines = []
    for taxid, taxon in classification.taxa.items():
        own = taxon.fragments - below[taxid]
        if own > 0:
            lines.append("\t".join([str(own), *_names(classification, taxon)]))
    return "".join(f"{line}\n" for line in lines)


def loading_nothing(text: str) -> str:
    head, found, rest = text.partition(_HEAD)
    if not found:
        raise Failed("ktImportText wrote a page without <head>, so it cannot be forbidden to load anything")
    return head + found + _LOADS_NOTHING + rest


def _names(classification: Classification, taxon: Taxon) -> list[str]:
    if taxon.taxid == UNCLASSIFIED:
        return ["unknown to the database"]
    names: list[str] = []
    at: Taxon | None = taxon
    while at is not None and at.taxid != ROOT:
        names.append(at.name.translate(_PLAIN))
        at = classification.taxa[at.parent] if at.parent is not None else None
    return names[::-1]
