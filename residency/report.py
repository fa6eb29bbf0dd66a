"""The report: a picture of the ways, and a table of them with their reasons."""

from collections.abc import Mapping

from residency.edges import Carries, Edge
from residency.walk import Judgement

UNNAMED = "**not named**"


def markdown(judgements: Mapping[str, Judgement]) -> str:
    """Mermaid and a table: one arrow and one row for each pair of places and content, in a stable order."""
    reasons = _reasons(judgements)
    lines = ["```mermaid", "flowchart LR"]
    for source, target, carries in sorted(reasons):
        lines.append(f'    {_node(source)}["{source}"] -->|{carries.name}| {_node(target)}["{target}"]')
    lines += ["```", "", "| From | To | At most | By | Reason |", "|-|-|-|-|-|"]
    for (source, target, carries), found in sorted(reasons.items()):
        by = ", ".join(f"`{via}`" for via in sorted({edge.via for edge, _ in found}))
        why = "; ".join(sorted({reason for _, reason in found}))
        lines.append(f"| {source} | {target} | {carries.name} | {by} | {why} |")
    return "\n".join(lines) + "\n"


def _reasons(
    judgements: Mapping[str, Judgement],
) -> dict[tuple[str, str, Carries], list[tuple[Edge, str]]]:
    found: dict[tuple[str, str, Carries], list[tuple[Edge, str]]] = {}
    for judgement in judgements.values():
        for edge, reason in (*judgement.named, *((edge, UNNAMED) for edge in judgement.unnamed)):
            found.setdefault((edge.source, edge.target, edge.carries), []).append((edge, reason))
    return found


def _node(place: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in place)
