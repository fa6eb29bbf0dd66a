"""The pack as Pulumi's own analyzer runs it: `pulumi preview -s eu --policy-pack policies`.

Needs the package pulumi-policy. The preview workflow judges by `policies.pack` itself and needs it not.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Pulumi starts a pack in its own folder.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.declared import UNKNOWN, Resource, Stack
from policies.pack import POLICIES
from policies.policy import Policy


def declared(resources: list[Any]) -> tuple[Stack, dict[int, str]]:
    """The analyzer's resources as policies see them, and the URN of each."""
    made, urns = [], {}
    for each in resources:
        # The stack, components and providers have none, and are nothing in AWS.
        if each.provider is None:
            continue
        resource = Resource(
            kind=each.resource_type,
            name=each.name,
            inputs={key: known(each.props, key) for key in each.props},
            after={
                key: frozenset(origin.name for origin in origins)
                for key, origins in each.property_dependencies.items()
            },
        )
        made.append(resource)
        urns[id(resource)] = each.urn
    return Stack(resources=tuple(made)), urns


def known(values: Mapping[str, Any] | list[Any], key: Any) -> Any:
    """A value; the analyzer raises where one is unknown, and gets the engine's own word for that."""
    try:
        value = values[key]
    except importlib.import_module("pulumi_policy.proxy").UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {inner: known(value, inner) for inner in value}
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        return value
    return [known(value, index) for index in range(len(value))]


def validation(policy: Policy) -> Callable[[Any, Callable[[str, str], None]], None]:
    def validate(arguments: Any, report: Callable[[str, str], None]) -> None:
        stack, urns = declared(arguments.resources)
        for resource, message in policy.check(stack):
            report(f"{policy.id} {resource.name}: {message}", urns[id(resource)])

    return validate


def main() -> None:
    analyzer = importlib.import_module("pulumi_policy")  # not among what the platform itself needs
    analyzer.PolicyPack(
        "globalbi",
        enforcement_level=analyzer.EnforcementLevel.MANDATORY,
        policies=[
            analyzer.StackValidationPolicy(
                name=policy.id.lower(),
                description=f"{policy.rule} {policy.reason}",
                validate=validation(policy),
            )
            for policy in POLICIES
        ],
    )


if __name__ == "__main__":
    main()
