"""Every link from one document to another leads somewhere."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from twin.offices import ROOT

DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *ROOT.glob("docs/**/*.md"),
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = re.compile(r"[a-z]+:")


@cache
def anchors(document: Path) -> frozenset[str]:
    """As GitHub makes them of headings: lower case, no punctuation, a hyphen for each space; what comes again
    gets a number.
    """
    found: list[str] = []
    for heading in HEADING.findall(BLOCK.sub("", document.read_text())):
        words = re.sub(r"\]\([^)]*\)", "", heading).lower()
        found.append(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    again = [f"{each}-{found[:at].count(each)}" for at, each in enumerate(found) if each in found[:at]]
    return frozenset((*found, *again))


def astray(document: Path) -> Iterator[str]:
    """The links of a document that lead nowhere."""
    for link in LINK.findall(BLOCK.sub("", document.read_text())):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        place = document.parent / path if path else document
        if not place.exists() or (anchor and anchor not in anchors(place)):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    """Who follows a page's advice must arrive at the next one."""
    assert list(astray(document)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    """Else the test above would pass whatever it looked at."""
    (tmp_path / "other.md").write_text(
        "# 7. Without a bucket: `links`\n\n```\n# not a heading\n```\n## Again\n## Again\n"
    )
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n"
        "[a](other.md#7-without-a-bucket-links) [b](other.md#again-1) [c](https://example.org/x) [d](#here)\n"
        "[e](other.md#6-without-a-bucket-links) [f](gone.md) [g](other.md#not-a-heading) [h](#there)\n"
    )
    assert list(astray(page)) == [
        "other.md#6-without-a-bucket-links",
        "gone.md",
        "other.md#not-a-heading",
        "#there",
    ]
