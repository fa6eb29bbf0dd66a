"""What a pull request shows of a canary."""

import xml.etree.ElementTree as ET

from canary.comparison import checks
from rollout.canary_report import chart, markdown
from tests.canary.example import TOLERANCES, record


def test_the_table_says_what_failed_and_who_stands_for_it() -> None:
    """The reviewer decides by the table alone."""
    made = record(shares={562: 0.605, 1280: 0.395})
    text = markdown(made, checks(made, TOLERANCES))
    assert "🔴 failed" in text.splitlines()[0]
    (line,) = [line for line in text.splitlines() if line.startswith("| species lost")]
    assert "Helicobacter pylori" in line
    assert line.endswith("🔴 failed |")
    assert "| <code>Helicobacter pylori</code> | 0.50% | 0.50% | – |" in text
    assert made.seal[:16] in text


def test_a_name_from_a_result_is_no_markdown() -> None:
    """An image that is on trial must not write its own verdict."""
    made = record(shares={562: 0.6, 1280: 0.39, 99: 0.01})
    hostile = made.model_copy(update={"names": {99: "x | passed |\n| ![](https://example.org/p)"}})
    text = markdown(hostile, checks(hostile, TOLERANCES))
    assert "![](" not in text
    assert not [line for line in text.splitlines() if line.startswith("| !")]


def test_the_chart_stands_by_itself() -> None:
    """GitHub shows an SVG without running its scripts or loading anything for it."""
    root = ET.fromstring(chart(record()))
    tags = {element.tag.rsplit("}", 1)[-1] for element in root.iter() if isinstance(element.tag, str)}
    assert "script" not in tags
    assert "http" not in "".join(
        value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")
    )
    words = "".join(root.itertext())
    for word in ("Escherichia coli", "truth", "old release", "new release"):
        assert word in words
