"""Refresh: what somebody changed by hand in the twin comes into the kept state.

Only the types whose kind can be read are looked at.
"""

from collections.abc import Mapping

from twin.resources import KINDS
from twin.resources import kind as kinds
from twin.state import State


def look(target: kinds.Target, state: State, known: Mapping[str, kinds.Kind] = KINDS) -> None:
    """Brings `state` to what is there; what is gone leaves it."""
    for key, kept in list(state.resources.items()):
        kind = known.get(kept.type)
        if kind is None or kind.read is None:
            continue
        asked = kinds.Change(id=kept.id, name=kept.name, old=kept.inputs, new={}, outputs=kept.outputs)
        found = kind.read(target, asked)
        if found is None:
            del state.resources[key]
        elif found:
            kept.inputs, kept.outputs = kept.inputs | found, kept.outputs | found
