"""The report of an assembly: what a person reads first."""

from html.parser import HTMLParser

import pytest
from assembly.findings import findings
from assembly.report import report
from assembly.summary import Summary

from tests.pipeline_images.assembly.assembly_samples import summary

TOOLS = {"megahit": "1.2.9", "prodigal": "2.6.3"}


class Whole(HTMLParser):
    """Every element that is opened is closed; nothing is loaded, and no script runs."""

    EMPTY = ("meta", "rect", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe"), tag
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def told(made: Summary) -> str:
    text = report(made, TOOLS)
    parser = Whole()
    parser.feed(text)
    assert parser.open == []
    return text


@pytest.mark.parametrize(
    "made",
    [
        summary(),
        summary(binned=0),
        summary(lengths=(500,), binned=0, mapped=0, genes=0),
        summary(cleaned=False),
    ],
)
def test_the_page_is_whole_for_any_assembly(made: Summary) -> None:
    """A report that a browser cannot show is none, and a poor sample needs it most."""
    text = told(made)
    assert f"{made.shape.n50:,}" in text
    assert "MEGAHIT" in text


def test_names_of_files_cannot_become_html() -> None:
    """A file name is the branch's: it must not run in the browser of whoever opens the report."""
    text = told(summary(files=("<script>alert(1)</script>_R1.fastq",)))
    assert "<script>" not in text


def titles(made: Summary) -> list[str]:
    return [f"{'Mind: ' if each.mind else ''}{each.title}" for each in findings(made)]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (summary(), ["Clean reads", "Most reads assembled", "Bins"]),
        (summary(cleaned=False), ["Mind: Reads as uploaded", "Most reads assembled", "Bins"]),
        (summary(mapped=20), ["Mind: Few reads assembled", "Clean reads", "Bins"]),
        (
            summary(lengths=(900, 600), binned=0),
            ["Mind: Short contigs", "Mind: No bins", "Clean reads", "Most reads assembled"],
        ),
        (
            summary(lengths=(60_000, 3_000), binned=0),
            ["Mind: No bins", "Clean reads", "Most reads assembled"],
        ),
    ],
)
def test_what_to_mind_comes_first(made: Summary, expected: list[str]) -> None:
    """Whoever reads three lines only must have read what is wrong."""
    assert titles(made) == expected


def test_where_the_reads_went_adds_up() -> None:
    """Parts of a whole that are not the whole make every number doubtful."""
    text = told(summary(mapped=150))
    # 100 of 120 pairs were assembled, 75% of their reads map.
    for part in (
        "found again in contigs: 62.5%",
        "not assembled: 20.8%",
        "filtered out, or the host&#x27;s: 16.7%",
    ):
        assert part in text


def test_the_json_holds_the_numbers_of_the_page() -> None:
    """Programs read summary.json, people the page: one truth for both."""
    made = summary()
    found = made.as_json()
    assert found["contigs"]["n50"] == made.shape.n50
    assert found["bins"][0]["bases"] == 60_000
    assert found["binned_share"] == pytest.approx(60_000 / 63_700, abs=1e-6)
    assert (found["uploaded"], found["assembled"], found["unit"]) == (120, 100, "pairs")
