"""Annotations: each fault of a stack file beside the line it is about, in a pull request.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message
"""

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.yaml")


def annotation(fault: str, root: Path) -> list[str]:
    """The workflow commands of one fault: one for each file that it names before its first colon."""
    where, _, rest = fault.partition(": ")
    files = [name for name in FILE.findall(where) if (root / name).is_file()]
    if not files:
        return [f"::error::{_data(fault)}"]
    key = rest.split(" ", 1)[0]
    return [
        f"::error file={_property(name)},line={line_of(root / name, key)},title=stack file::{_data(fault)}"
        for name in files
    ]


def annotations(faults: Iterable[str], root: Path) -> list[str]:
    return [line for fault in faults for line in annotation(fault, root)]


def line_of(path: Path, key: str) -> int:
    """The line of `key`, as `globalbi:releases.metagenome.digest`, or of what holds it; else 1."""
    try:
        document = yaml.compose(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return mark.line + 1 if mark else 1
    if document is None:
        return 1
    config = next((value for name, value in _entries(document) if name.value == "config"), None)
    lines = [_nearest(node, key) for node in (config, document) if node is not None]
    return next((line for line in lines if line), 1)


def _nearest(node: yaml.Node, key: str, found: int = 0) -> int:
    """Keys hold dots and colons themselves, so the longest one that fits is taken at each level."""
    if isinstance(node, yaml.SequenceNode):
        index, _, rest = key.partition(".")
        if index.isdigit() and int(index) < len(node.value):
            inner = node.value[int(index)]
            return _nearest(inner, rest, inner.start_mark.line + 1)
        return found
    fitting = [
        (name, value)
        for name, value in _entries(node)
        if key == name.value or key.startswith(f"{name.value}.")
    ]
    if not fitting:
        return found
    name, value = max(fitting, key=lambda entry: len(entry[0].value))
    return _nearest(value, key[len(name.value) + 1 :], name.start_mark.line + 1)


def _entries(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(name, value) for name, value in node.value if isinstance(name, yaml.ScalarNode)]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
