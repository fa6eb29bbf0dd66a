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
            return _unknown(model, fault)
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
        case "string_type":
            return _text_rule(value)
        case "tuple_type" | "list_type":
            return "is empty: it must be a list" if value is None else f"must be a list: [{_quoted(value)}]"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping (key: value), not {value!r}"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"must be a whole number, not {_shown(value)}"
        case "bool_type" | "bool_parsing":
            return f"must be true or false, not {_shown(value)}"
        case _:
            message = fault["msg"].removeprefix("Input ")
            return f"{message[0].lower()}{message[1:]}, not {value!r}"


def _text_rule(value: object) -> str:
    if value is None:
        return "is empty: write its value"
    if isinstance(value, list | dict):
        return f"must be text, not {value!r}"
    return (
        f"must be text, not a number: put it in quotes, {_quoted(value)}"
        if not isinstance(value, bool)
        else f"must be text, not {_shown(value)}"
    )


def _quoted(value: object) -> str:
    return f'"{value}"'


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return f"{str(value).lower()} (YAML reads yes, no, on and off as true and false)"
    return repr(value)


def _unknown(model: type[BaseModel], fault: ErrorDetails) -> str:
    *path, last = fault["loc"]
    here, key = _model_at(model, path), str(last)
    valid = _names(here)
    field = here.model_fields.get(key) if here else None
    if field is not None and field.alias:  # the name that the code has for it
        return f"is unknown; did you mean {field.alias}? (valid: {choices(valid)})"
    return unknown_key(key, valid)


def _model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that describes a place in the file."""
    here: type[BaseModel] = model
    for part in path:
        field = next((f for n, f in here.model_fields.items() if part in (n, f.alias)), None)
        if field is None:
            continue  # a mapping's own key or a list's index
        inner = _model_within(field.annotation)
        if inner is None:
            return None
        here = inner
    return here


def _names(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_within(annotation: object) -> type[BaseModel] | None:
    """The model an annotation holds, be it plain, in a mapping or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _model_within(argument)
        if inner:
            return inner
    return None
