"""A release in a stack file: moved in place, so that a pull request shows only the lines that mean it.

Comments, order and quotes stay as the office's people wrote them.
"""

from collections.abc import Mapping
from typing import Any

import yaml

RELEASES = "globalbi:releases"


class CannotMove(ValueError):
    """The file does not hold the release in a form that can be changed safely."""


def move_release(text: str, file: str, pipeline: str, digest: str, references: Mapping[str, str]) -> str:
    """`text` of `file` with the pipeline at this digest and these versions of references, by name."""
    release = child(yaml.compose(text, Loader=yaml.SafeLoader), "config", RELEASES, pipeline)
    if release is None:
        raise CannotMove(f"{file}: {RELEASES}.{pipeline} is missing: a new pipeline is added by hand")
    pinned = {"digest": (child(release, "digest"), digest)}
    for name, version in references.items():
        pinned[f"references.{name}"] = (child(release, "references", name), version)
    places: list[tuple[int, int, str]] = []
    for key, (node, value) in pinned.items():
        if not isinstance(node, yaml.ScalarNode):
            raise CannotMove(f"{file}: {RELEASES}.{pipeline}.{key} is missing: write it by hand")
        if node.value != value:
            places.append((node.start_mark.index, node.end_mark.index, value))
    moved = text
    for start, end, value in sorted(places, reverse=True):
        moved = f'{moved[:start]}"{value}"{moved[end:]}'
    # An anchor that something else refers to would change that, too, or be lost with its value.
    try:
        same = yaml.safe_load(moved) == _wanted(yaml.safe_load(text), pipeline, digest, references)
    except yaml.YAMLError:
        same = False
    if not same:
        raise CannotMove(f"{file}: {RELEASES}.{pipeline} shares values by anchors: change it by hand")
    return moved


def _wanted(document: Any, pipeline: str, digest: str, references: Mapping[str, str]) -> Any:
    config = document["config"]
    release = config[RELEASES][pipeline]
    changed = {**release, "digest": digest}
    if references:
        changed["references"] = {**release["references"], **references}
    return {**document, "config": {**config, RELEASES: {**config[RELEASES], pipeline: changed}}}


def child(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """The node below these keys; None if one is missing."""
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == key), None)
    return node
