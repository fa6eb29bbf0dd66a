"""The figures in `pipeline.yaml`, changed in place: a pull request shows only the lines that mean it."""

from collections.abc import Sequence
from typing import Any

import yaml

from handlers.release import Linear
from rightsizing.sizes import MEMORY, SCRATCH, Size
from rollout.stack_file import CannotMove, child

WITHIN_RESOURCES = (MEMORY.key, SCRATCH.key)


def with_sizes(text: str, file: str, found: Sequence[Size]) -> str:
    """`text` of `file` with the figures that are proposed. Raises CannotMove."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    wanted = yaml.safe_load(text)
    places: list[tuple[int, int, str]] = []
    for size in found:
        if size.proposed is None:
            continue
        path = (("resources",) if size.kind.key in WITHIN_RESOURCES else ()) + (size.kind.key,)
        places += _places(child(root, *path), file, ".".join(path), size.proposed)
        _at(wanted, path).update(_figures(size.proposed))
    changed = text
    for start, end, value in sorted(places, reverse=True):
        changed = f"{changed[:start]}{value}{changed[end:]}"
    # An anchor that something else refers to would change that, too.
    if yaml.safe_load(changed) != wanted:
        raise CannotMove(f"{file}: its figures are shared by anchors: change it by hand")
    return changed


def _places(node: yaml.Node | None, file: str, name: str, line: Linear) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for key, value in _figures(line).items():
        figure = child(node, key)
        if figure is None and value == 0:
            continue
        if not isinstance(figure, yaml.ScalarNode):
            raise CannotMove(f"{file}: {name}.{key} is missing: write {value} by hand")
        found.append((figure.start_mark.index, figure.end_mark.index, str(value)))
    return found


def _figures(line: Linear) -> dict[str, int]:
    return {"base": line.base, "perInputGib": line.per_gib}


def _at(document: Any, path: Sequence[str]) -> dict[str, Any]:
    for key in path:
        document = document[key]
    found: dict[str, Any] = document
    return found
