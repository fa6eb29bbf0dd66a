"""Residency as a policy of the pack, so that a preview is refused for a way out that nobody named."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from components.roster import Fleet
from policies.declared import Resource, Stack
from policies.policy import Policy
from residency.walk import judge, sentence

ROOT = Path(__file__).resolve().parent.parent


@cache
def _fleet() -> Fleet:
    return Fleet.load(ROOT)


def _unnamed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    office = next((tag for each in stack.resources if (tag := each.at("tags", "globalbi:office"))), None)
    if office is None:
        return
    by_name = {each.name: each for each in stack.resources}
    for edge in judge(stack, _fleet(), office).unnamed:
        yield by_name[edge.via], sentence(edge)


POLICIES = (
    Policy(
        id="GBI-RES-1",
        rule="Every way by which something can leave an office is named in its file, with the reason.",
        reason="Offices fall under different laws: what leaves a region is a decision, never an accident.",
        check=_unnamed,
    ),
)
