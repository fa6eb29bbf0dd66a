"""What a stack declares, as policies see it: from a preview, from the tests or from the analyzer.

A value that only AWS will know is unknown. A policy does not judge what it does not know.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# How the engine writes a value that is not known yet, and one that is secret (sdk/go/common/resource).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET_KEY = "4dabf18193072939515e22adb298388d"
SECRET = "[secret]"
GONE = ("delete", "delete-replaced", "discard", "discard-replaced", "read-discard")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource. `after` names the resources that an input's value comes from."""

    kind: str
    name: str
    inputs: Mapping[str, Any]
    after: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def at(self, *path: str | int) -> Any:
        """The value at a place of the inputs; None when it is not there."""
        here: Any = self.inputs
        for part in path:
            try:
                here = here[part]
            except (KeyError, IndexError, TypeError):
                return None
        return here

    def document(self, key: str) -> Mapping[str, Any]:
        """A JSON document in an input; empty when it is not known yet."""
        value = self.inputs.get(key)
        if isinstance(value, Mapping):
            return value
        try:
            found = json.loads(value) if isinstance(value, str) else {}
        except ValueError:
            return {}
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Everything that one office declares."""

    resources: tuple[Resource, ...]

    def of(self, *kinds: str) -> Iterator[Resource]:
        return (each for each in self.resources if each.kind in kinds)

    def beside(self, owner: Resource, kind: str, key: str, *names: str) -> list[Resource]:
        """The resources of `kind` whose input `key` names `owner`: by its name, by one of its inputs `names`,
        or by where the value will come from.
        """
        called = {owner.name, *(owner.inputs.get(name) for name in names)} - {None}
        return [
            each
            for each in self.of(kind)
            if each.inputs.get(key) in called or owner.name in each.after.get(key, frozenset())
        ]


def unknown(value: Any) -> bool:
    return value in (UNKNOWN, SECRET) or (isinstance(value, Mapping) and SECRET_KEY in value)


def of_preview(preview: Mapping[str, Any], *, before: bool = False) -> Stack:
    """What would be declared, from `pulumi preview --json --show-sames`; or what was, `before`."""
    resources = {}
    for step in preview.get("steps") or ():
        state = step.get("oldState" if before else "newState")
        if state is None or (not before and step["op"] in GONE) or not state.get("custom", True):
            continue
        kind, _, name = step["urn"].rpartition("::")
        resources[step["urn"]] = Resource(
            kind=kind.rpartition("::")[2].rpartition("$")[2],
            name=name,
            inputs=state.get("inputs") or {},
            after={key: _names(urns) for key, urns in (state.get("propertyDependencies") or {}).items()},
        )
    return Stack(resources=tuple(resources.values()))


def _names(urns: Iterable[str] | None) -> frozenset[str]:
    return frozenset(urn.rpartition("::")[2] for urn in urns or ())
