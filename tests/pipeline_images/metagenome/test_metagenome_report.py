"""The page a person reads first: right, safe and complete in itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from metagenome.findings import findings
from metagenome.kraken_report import read_report
from metagenome.read_kind import ReadKind
from metagenome.report import report
from metagenome_samples import LONG, MEASURED, REPORT, summary
from reporting.findings import percent

TOOLS = {"kraken2": "2.1.2"}
ATTACK = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br", "rect"}


class Page(HTMLParser):
    """Gathers tags, and those that were not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes nothing"


def test_names_from_outside_cannot_become_markup() -> None:
    """A file's or taxon's name would run as script in the browser of whoever opens the report."""
    hostile = REPORT.replace("Escherichia coli", ATTACK).replace("Pseudomonadota", ATTACK)
    page = Page(report(summary(read_report(hostile, {1224: "phylum"}), files=[ATTACK]), {ATTACK: ATTACK}))
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.open == []


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    """A report opened offline would be empty; opened online, it would tell strangers that it was opened."""
    text = report(summary(), TOOLS)
    assert not {"script", "link", "iframe", "img"} & set(Page(text).tags)
    outside = set(re.findall(r"https?://[^\"' ]+", text))
    assert outside == {"http://www.w3.org/2000/svg"}  # the name of SVG, not an address that is loaded
    assert "default-src 'none'" in text


def test_plots_can_be_heard() -> None:
    """Who reads by ear would get no numbers from the plots."""
    text = report(summary(), TOOLS)
    plots = re.findall(r"<svg.*?</svg>", text)
    assert len(plots) == 2
    for plot in plots:
        assert 'role="img"' in plot
        (ids,) = re.findall(r'aria-labelledby="([^"]+)"', plot)
        assert all(f'id="{ident}"' in plot for ident in ids.split())
    assert "Escherichia coli 68.2%" in plots[1]


def test_the_first_sentence_names_the_most_abundant_species() -> None:
    """The reader would have to search for the answer."""
    assert "<em>Escherichia coli</em> with 68.2%" in report(summary(), TOOLS)


def test_a_sample_of_the_unknown_still_has_a_report() -> None:
    """A sample in which nothing was found would fail instead of saying so."""
    nothing = read_report("100.00\t1000\t1000\tU\t0\tunclassified\n")
    text = report(summary(nothing), TOOLS)
    assert Page(text).open == []
    assert "none could be assigned to a species" in text
    assert "Mostly unknown" in text


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({"fragments": 9000, "filtered": 8000}, "Mostly host"),
        ({"host_removal": False}, "Host reads not removed"),
        ({"fragments": 5000}, "Many reads filtered out"),
        ({"measured": replace(MEASURED, q30_share=0.5)}, "Low quality"),
        ({"measured": replace(MEASURED, duplication=0.4)}, "Many duplicates"),
        ({"classified": 600}, "Partly unknown"),
        ({"classified": 300}, "Mostly unknown"),
        ({}, "Few reads"),
    ],
)
def test_what_to_mind_is_said_in_words_and_comes_first(changed: dict[str, object], title: str) -> None:
    """A weak sample would look as good as any other."""
    found = findings(summary(**changed))
    assert title in [finding.title for finding in found if finding.mind]
    assert [finding.mind for finding in found] == sorted((f.mind for f in found), reverse=True)
    assert f"Mind: {title}" in report(summary(**changed), TOOLS).replace("<strong>", "")


def test_a_good_sample_has_nothing_to_mind() -> None:
    """Warnings on every sample are read by nobody."""
    good = summary(fragments=110_000, filtered=105_000, clean=100_000, classified=95_000)
    assert [finding.title for finding in findings(good) if finding.mind] == []


def test_a_tiny_share_is_not_shown_as_none() -> None:
    """0.0% of host reads would be read as: no human DNA."""
    assert [percent(share) for share in (0, 0.0001, 0.0005, 0.5)] == ["0.0%", "under 0.1%", "0.1%", "50.0%"]


def test_long_reads_are_told_by_their_lengths_and_not_by_what_was_not_done() -> None:
    """The page would tell of a filter that never ran, and judge nanopore reads by Illumina's qualities."""
    text = report(summary(**LONG), TOOLS)
    assert Page(text).open == []
    assert "3,000 bases long on average" in text
    assert "5,400 bases or more (N50)" in text
    for word in ("fastp", "too poor", "quality", "copies of others", "mate"):
        assert word not in text, word
    told = summary(**LONG).as_json()
    assert (told["reads"], told["mean_length"], told["n50"]) == ("long", 3_000, 5_400)
    assert told["q30_share"] is told["duplication"] is None
    assert "N50" not in report(summary(), TOOLS)


def test_fewer_long_reads_are_enough() -> None:
    """Every nanopore sample would be called too small."""
    enough = LONG | {"fragments": 9_000, "filtered": 9_000, "clean": 8_000, "classified": 7_900}
    assert "Enough reads" in report(summary(**enough), TOOLS)
    assert "Mind: Few reads" in report(summary(**enough | {"kind": ReadKind.SHORT}), TOOLS)


def test_scraps_among_long_reads_are_not_blamed_on_adapters() -> None:
    """The laboratory would look for the fault in the wrong place."""
    (words,) = [f.words for f in findings(summary(**LONG | {"fragments": 3_000})) if "filtered" in f.title]
    assert "60.0% of the reads were too short" in words
    assert "adapters" not in words
