"""What the AWS provider would refuse: inputs that its resource types do not have."""

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from pulumi import _types

# A change of these types is a new revision, whose number only AWS knows.
REVISED: Mapping[str, tuple[str, ...]] = {
    "aws:batch/jobDefinition:JobDefinition": ("arn", "revision"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
}


class UnknownInput(Exception):
    """A resource has an input that its type does not know."""


@cache
def resource(token: str) -> Any:
    """The class of a type: `aws:s3/bucket:Bucket` → `pulumi_aws.s3.Bucket`; None when there is none."""
    package, path, name = token.split(":")
    module = path.split("/")[0]
    module = f"{module}_" if module in ("lambda",) else module
    return getattr(importlib.import_module(f"pulumi_{package}.{module}"), name, None)


@cache
def computed(token: str) -> dict[str, Any]:
    """The outputs that a resource of this type always has, with their types."""
    known = resource(token)
    hints, types = _types._raw_return_hints(known), _types.resource_types(known)
    return {name: types[name] for name, hint in hints.items() if "Optional" not in str(hint).split("[")[1]}


@cache
def arguments(token: str) -> type | None:
    """The class of a type's arguments: `aws:s3/bucket:Bucket` → `pulumi_aws.s3.bucket.BucketArgs`."""
    known, name = resource(token), token.rpartition(":")[2]
    if known is None:
        return None
    home = inspect.getmodule(known)
    # Where a nested type has the name already, the resource's own is …InitArgs.
    found: type | None = getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args", None)
    return found


def check(token: str, name: str, inputs: Mapping[str, Any]) -> None:
    """Raises UnknownInput, naming the resource, the input and those that are valid."""
    known = arguments(token)
    if known is None:
        raise UnknownInput(f"{token} ({name}): the installed pulumi_aws has no such resource type")
    _check(f"{token} ({name})", known, inputs)


def _check(where: str, known: type, inputs: Mapping[str, Any]) -> None:
    types = _types.input_type_types(known)
    for key, value in inputs.items():
        if key not in types:
            raise UnknownInput(f"{where}: no input {key!r} (valid: {', '.join(sorted(types))})")
        for inner in _nested(value):
            kind = _element(types[key])
            if kind is not None:
                _check(f"{where}.{key}", kind, inner)


def _nested(value: Any) -> list[Mapping[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, Mapping)]


def _element(kind: Any) -> type | None:
    if inspect.isclass(kind) and _types.is_input_type(kind):
        return kind
    for inner in getattr(kind, "__args__", ()):
        if found := _element(inner):
            return found
    return None
