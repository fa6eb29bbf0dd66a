"""Faults of an office's file, in words: file, key, rule, value and the valid choices.

All faults are gathered before anything is refused, so that one look at the message mends the whole file.
"""

import difflib
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


class InvalidOffices(Exception):
    """Configuration that is refused, with every fault in a line of its own."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def choices(valid: Iterable[str]) -> str:
    return ", ".join(sorted(valid)) or "none"


def unknown_key(key: str, valid: Sequence[str]) -> str:
    """`is unknown`, with the nearest valid name when one is near."""
    near = difflib.get_close_matches(key, valid, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"is unknown{hint} (valid: {choices(valid)})"


def explain(file: str, model: type[BaseModel], error: ValidationError) -> list[str]:
    """Each fault pydantic found, as `<file>: <key> <rule>, not <value>`."""
    faults = error.errors()
    # pydantic counts a list's good entries only: one bad address of one would be "too few" as well.
    inner = {fault["loc"][:-1] for fault in faults}
    told = [fault for fault in faults if not (fault["type"] == "too_short" and fault["loc"] in inner)]
    return [f"{file}: {_path(fault)} {_rule(model, fault)}" for fault in told]


def _path(fault: ErrorDetails) -> str:
    return ".".join(str(part) for part in fault["loc"] if part != "[key]") or "config"


def _rule(model: type[BaseModel], fault: ErrorDetails) -> str:
    context = fault.get("ctx", {})
    value = fault["input"]
    match fault["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return unknown_key(str(fault["loc"][-1]), _keys_at(model, fault["loc"][:-1]))
        case "value_error":
            return f"{context['error']}, not {value!r}"
        case "literal_error":
            return f"must be {context['expected']}, not {value!r}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {value!r}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {value!r}"
        case "too_short":
            return f"must have at least {context['min_length']} entries, not {value!r}"
        case "too_long":
            return f"must have at most {context['max_length']} entries, not {value!r}"
        case _:
            message = fault["msg"].removeprefix("Input ")
            return f"{message[0].lower()}{message[1:]}, not {value!r}"


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys that are valid at a place in the file."""
    here: type[BaseModel] = model
    for part in path:
        field = next((f for n, f in here.model_fields.items() if part in (n, f.alias)), None)
        if field is None:
            continue  # a mapping's own key or a list's index
        inner = _model_within(field.annotation)
        if inner is None:
            return []
        here = inner
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_within(annotation: object) -> type[BaseModel] | None:
    """The model an annotation holds, be it plain, in a mapping or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _model_within(argument)
        if inner:
            return inner
    return None
