"""YAML as a person wrote it: its mistakes named by file and line, its numbers as they stand there.

YAML itself is silent about a key written twice, and reads 044444444444 as an octal number.
"""

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from components.faults import InvalidOffices


class WrittenInt(int):
    """A whole number that shows itself as it was written."""

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class WrittenFloat(float):
    """A number that shows itself as it was written: 2026.10 is not 2026.1."""

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class WrittenDate(date):
    """A date that shows itself as it was written."""

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    self.twice.append(
                        f"line {line}: {key.value} is there twice, first in line {seen[key.value]}"
                    )
                seen.setdefault(key.value, line)
        return super().construct_mapping(node, deep)

    def written_int(self, node: yaml.ScalarNode) -> int:
        value = WrittenInt(self.construct_yaml_int(node))
        value.text = str(node.value)
        return value

    def written_float(self, node: yaml.ScalarNode) -> float:
        value = WrittenFloat(self.construct_yaml_float(node))
        value.text = str(node.value)
        return value

    def written_date(self, node: yaml.ScalarNode) -> date:
        day = self.construct_yaml_timestamp(node)
        value = WrittenDate(day.year, day.month, day.day)
        value.text = str(node.value)
        return value


def yes_or_no(value: Any) -> Any:
    """A value of a stack file that is true or false, also after the CLI wrote the file anew.

    `pulumi stack init` and `pulumi config set` do, and put both words in quotes.
    """
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.written_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.written_float)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.written_date)


def read_mapping(path: Path, file: str) -> tuple[dict[Any, Any], list[str]]:
    """The mapping in `path`, and the faults that leave it readable; raises InvalidOffices for others.

    `file` is the path as messages name it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOffices([f"{file}: cannot be read: {error}"]) from error
    _refuse_controls(text, file)
    loader = _Loader(text)
    try:
        document = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise InvalidOffices([f"{file}: is not YAML: {_in_words(error, text)}"]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidOffices([f"{file}: is not YAML: {' '.join(str(error).split())}"]) from error
    finally:
        loader.dispose()
    if document is None:
        raise InvalidOffices([f"{file}: is empty"])
    if not isinstance(document, dict):
        raise InvalidOffices([f"{file}: must be a mapping (key: value), not {document!r}"])
    return document, [f"{file}: {fault}" for fault in loader.twice]


def _refuse_controls(text: str, file: str) -> None:
    """YAML refuses control characters, and says so only by their place."""
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if match:
        line = text.count("\n", 0, match.start()) + 1
        raise InvalidOffices([f"{file}: is not YAML: line {line}: holds a control character"])


def _in_words(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return " ".join(str(error).split())
    lines = text.splitlines()
    number = mark.line + 1
    line = lines[mark.line] if mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or "'\\t'" in str(error.problem):
        return f"line {number}: holds a tab where YAML wants spaces"
    return f"line {number}: {error.problem or error.context}"
