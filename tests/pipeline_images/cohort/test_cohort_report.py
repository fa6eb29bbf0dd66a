"""The report: what a person reads first."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cohort.__main__ import main

from tests.pipeline_images.cohort.cohort_samples import write_sample

ALIKE = {"E. coli": 500, "B. subtilis": 500}


class Whole(HTMLParser):
    """Every element that is opened is closed; nothing is loaded, and no script runs."""

    EMPTY = ("meta", "rect", "path", "circle")

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


def told(room: Path) -> str:
    assert main([str(room / "in"), str(room / "out")], {}) == 0
    text = (room / "out/report.html").read_text()
    parser = Whole()
    parser.feed(text)
    assert parser.open == []
    assert "nan" not in text.lower().split()
    return text


def test_an_outlier_is_named_in_words_and_tables(tmp_path: Path) -> None:
    """A swapped tube is seen by whoever reads the report and by whoever reads samples.tsv."""
    for number in range(6):
        write_sample(tmp_path / f"in/s{number}", ALIKE | {"E. coli": 500 + number})
    write_sample(tmp_path / "in/odd", {"L. monocytogenes": 900, "E. coli": 100})
    text = told(tmp_path)
    assert "odd is unlike the others" in text
    assert "Far from the others: odd." in text
    with (tmp_path / "out/samples.tsv").open() as lines:
        rows = {row["sample"]: row["outlier"] for row in csv.DictReader(lines, delimiter="\t")}
    assert {name for name, odd in rows.items() if odd == "yes"} == {"odd"}
    assert json.loads((tmp_path / "out/summary.json").read_text())["outliers"] == ["odd"]
    with (tmp_path / "out/distances.tsv").open() as lines:
        distances = {row["sample"]: row for row in csv.DictReader(lines, delimiter="\t")}
    assert distances["odd"]["s0"] == distances["s0"]["odd"] == "0.900000"


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ({"a": ALIKE}, "One sample only"),
        (
            {"a": ALIKE, "b": {"E. coli": 1}},
            "Their Bray-Curtis distance is 0.500; a plane takes three samples",
        ),
        ({"a": ALIKE, "b": ALIKE, "c": ALIKE}, "All samples are the same"),
        ({"a": {"x": 1}, "b": {"y": 2}, "c": {"z": 3}}, "Nothing in common"),
        ({"a": ALIKE, "b": {"x": 1}, "c": ALIKE}, "No difference between a and c"),
    ],
)
def test_odd_cohorts_are_told_in_words(
    samples: dict[str, dict[str, int]], words: str, tmp_path: Path
) -> None:
    """A cohort too small or too strange for a plot is a report that says so, not a failure."""
    for name, reads in samples.items():
        write_sample(tmp_path / "in" / name, reads)
    text = told(tmp_path)
    assert words in text
    assert (tmp_path / "out/pcoa.tsv").exists() == ("pcoa-title" in text)


def test_hundreds_of_samples_fit_on_a_page(tmp_path: Path) -> None:
    """Labels that cover each other are left out; every sample stays in the tables."""
    for number in range(300):
        write_sample(tmp_path / f"in/s{number:03}", {"x": 100 + number, "y": 200, "z": 300 - number})
    text = told(tmp_path)
    assert text.count("<circle") == 300
    assert ">s042</text>" not in text
    assert ">s042</td>" in text


def test_names_are_text_not_markup(tmp_path: Path) -> None:
    """A name out of a database cannot put a script into what HQ opens."""
    for name in ("a<b>", "b&c", "c"):
        write_sample(tmp_path / "in" / name, {f"<script>{name}": 5, "E. coli": len(name)})
    assert "&lt;script&gt;" in told(tmp_path)


def test_the_same_cohort_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs of one cohort must not look like two findings."""
    for number in range(5):
        write_sample(tmp_path / f"in/s{number}", {"x": 10 + number, "y": 9 - number})
    first = told(tmp_path)
    assert told(tmp_path) == first


def test_no_label_covers_another(tmp_path: Path) -> None:
    """Samples that are the same lie on one point: one of their names can be read, and an outlier's always."""
    for number in range(6):
        write_sample(tmp_path / f"in/s{number}", ALIKE)
    write_sample(tmp_path / "in/odd", {"L. monocytogenes": 900, "E. coli": 100})
    plot = told(tmp_path).split("</svg>")[0]
    assert [name for name in ("s0", "s1", "s5", "odd") if f">{name}</text>" in plot] == ["s0", "odd"]
