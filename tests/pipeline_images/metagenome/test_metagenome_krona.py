"""The Krona chart: every fragment once, no markup from names, nothing loaded from elsewhere."""

from pathlib import Path

import pytest
from metagenome import krona as krona_module
from metagenome.krona import krona, lineages_text, loading_nothing
from metagenome_samples import REPORT, classification
from programs.outcome import Failed

PAGE = '<html><head><meta charset="utf-8"/></head><body>rings</body></html>'


def test_every_fragment_is_drawn_once() -> None:
    """Rings would be too large: a taxon's fragments are also its parents' in Kraken 2's report."""
    rows = [line.split("\t") for line in lineages_text(classification()).splitlines()]
    assert sum(int(row[0]) for row in rows) == classification().fragments == 1_000
    assert ["600", "Bacteria", "Pseudomonadota", "Escherichia", "Escherichia coli"] in rows
    assert ["100", "unknown to the database"] in rows
    assert ["150", "Bacteria", "Bacillota", "Staphylococcus", "Staphylococcus aureus"] in rows
    assert ["50", *rows_of("Staphylococcus aureus NCTC 8325", rows)] in rows


def rows_of(name: str, rows: list[list[str]]) -> list[str]:
    return next(row[1:] for row in rows if row[-1] == name)


def test_fragments_of_the_root_alone_are_drawn() -> None:
    """Reads that fit everything would be missing from the whole."""
    text = lineages_text(
        classification(REPORT.replace("90.00\t900\t0\t\t1\troot", "90.00\t905\t5\t\t1\troot"))
    )
    assert "5" in text.splitlines()


def test_names_cannot_become_markup() -> None:
    """A taxon's name would run as script in the browser of whoever opens the chart."""
    hostile = REPORT.replace("Escherichia coli", """<img src='x' onerror="alert(1)">&lt;b&gt;""")
    text = lineages_text(classification(hostile))
    assert "onerror" in text
    assert not set("<>\"'") & set(text)
    assert "&lt;" not in text  # the page's script reads names twice: as an attribute and as markup


def test_the_chart_is_forbidden_to_load_anything() -> None:
    """Opened online, it would tell strangers that it was opened."""
    head = loading_nothing(PAGE).partition("</head>")[0]
    assert "default-src 'none'" in head
    assert "http" not in head.replace("http-equiv", "")
    with pytest.raises(Failed, match="without <head>"):
        loading_nothing("<html><body></body></html>")


def test_the_chart_is_written_by_the_tool_and_then_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart of another sample's lineages, or one that loads, would be published."""
    tool = tmp_path / "bin" / "ktImportText"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n{ printf \'<html><head></head>\'; cat "${5%,sample}"; } > "$4"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    krona(classification(), tmp_path, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert text.startswith(f"<html><head>{krona_module._LOADS_NOTHING}</head>")
    assert text.endswith(lineages_text(classification()))
