"""A policy: a rule with an id, the reason for it, and the controls that it answers to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policies.declared import Resource, Stack

Check = Callable[[Stack], Iterator[tuple[Resource, str]]]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`check` gives each resource that breaks the rule, with what is wrong and the way out.

    `controls` are ids of AWS Security Hub's foundational practices (S3.1) and of Checkov (CKV_AWS_53); empty
    for a rule of this platform alone.
    """

    id: str
    rule: str
    reason: str
    check: Check
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    policy: Policy
    resource: Resource
    message: str


def each(*kinds: str, must: Callable[[Resource], bool], message: str) -> Check:
    """A rule on every resource of `kinds` by itself."""

    def check(stack: Stack) -> Iterator[tuple[Resource, str]]:
        return ((resource, message) for resource in stack.of(*kinds) if not must(resource))

    return check
