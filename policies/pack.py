"""The pack: all policies, and their judgement of a stack."""

from policies import access, messages, storage, work
from policies.declared import Stack
from policies.policy import Finding, Policy
from residency import policy as residency

POLICIES: tuple[Policy, ...] = (
    *storage.POLICIES,
    *messages.POLICIES,
    *work.POLICIES,
    *access.POLICIES,
    *residency.POLICIES,
)


def judge(stack: Stack) -> list[Finding]:
    """Everything in `stack` that breaks a policy."""
    return [
        Finding(policy=policy, resource=resource, message=message)
        for policy in POLICIES
        for resource, message in policy.check(stack)
    ]
