"""Charts as SVG inside the page, drawn by pygal on the server.

pygal is small, needs no script and no build step. It writes its colours as a <style> element, which the
page's content security policy forbids: that is taken out, and `static/style.css` has the same classes.
"""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, tostring

import pygal  # type: ignore[import-untyped]
from markupsafe import Markup

from fleet.dashboard.figures import Series
from fleet.text import plain

# pygal writes what a value is, and where, as <desc> for its own script.
_UNWANTED = {"style", "script", "title", "desc"}
KINDS: dict[str, Callable[..., Any]] = {"bars": pygal.StackedBar, "lines": pygal.Line}


def drawn(series: Series, kind: str) -> Markup:
    """The chart; the page gives its legend, and a table for people who do not see it."""
    chart = KINDS[kind](
        width=640, height=260, js=[], css=[], show_legend=False,
        show_minor_x_labels=True, disable_xml_declaration=True, pretty_print=False,
        no_data_text="nothing yet",
        min_scale=2, include_x_axis=True, explicit_size=False, margin=8,
    )  # fmt: skip
    chart.x_labels = list(series.labels)
    for name, values in series.values.items():
        chart.add(plain(name), list(values))
    tree = chart.render_tree()
    _clean(tree)
    tree.set("role", "img")
    tree.set("aria-label", f"{series.title}, {series.unit}; the same figures are in the table below")
    tree.set("class", f"{tree.get('class', '')} chart".strip())
    return Markup(tostring(_without_namespace(tree), encoding="unicode"))


def _clean(element: Element) -> None:
    for child in list(element):
        # lxml's and ElementTree's comments have a function for a tag.
        if not isinstance(child.tag, str) or child.tag.rsplit("}", 1)[-1] in _UNWANTED:
            element.remove(child)
        else:
            _clean(child)
    element.attrib.pop("style", None)
    element.attrib.pop("id", None)  # the same in every chart of a page


def _without_namespace(tree: Element) -> Element:
    """Plain ElementTree of it, so that it is the same whether pygal found lxml or not."""
    copy = Element(
        str(tree.tag).rsplit("}", 1)[-1],
        {k: v for k, v in tree.attrib.items() if "}" not in k and "xmlns" not in k},
    )
    copy.text, copy.tail = tree.text, tree.tail
    copy.extend(_without_namespace(child) for child in tree)
    return copy
