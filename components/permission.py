"""Permissions: what a user of a resource needs, as a value beside that resource.

A construct (function, job, branch) collects the permissions it is given into one inline policy.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

POLICY_VERSION = "2012-10-17"


@dataclass(frozen=True, kw_only=True)
class Permission:
    """One Allow statement. `sid` says in CamelCase what it is for; `resources` are ARNs."""

    sid: str
    actions: tuple[str, ...]
    resources: Sequence[pulumi.Input[str]]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def statement(self) -> dict[str, Any]:
        statement: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return {**statement, "Condition": self.conditions} if self.conditions else statement


def inline_policy(permissions: Iterable[Permission]) -> pulumi.Output[str]:
    """The permissions as one policy document. A sid that is met twice must be the same permission."""
    by_sid: dict[str, Permission] = {}
    for permission in permissions:
        if by_sid.setdefault(permission.sid, permission) != permission:
            raise ValueError(f"two permissions are called {permission.sid}: give each its own sid")
    return policy([permission.statement() for permission in by_sid.values()])


def policy(statements: Sequence[Mapping[str, Any]]) -> pulumi.Output[str]:
    """A policy document; its statements may hold outputs."""
    return pulumi.Output.json_dumps({"Version": POLICY_VERSION, "Statement": list(statements)})


def trust_service(service: str, account: str) -> str:
    """A role's trust in one AWS service, and only on behalf of this account (the confused deputy's way
    out).
    """
    return json.dumps(
        {
            "Version": POLICY_VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": account}},
                }
            ],
        }
    )


def trust_service_plainly(service: str) -> str:
    """A role's trust in a service that does not send the source account (EC2 instances, functions, S3
    replication).
    """
    return json.dumps(
        {
            "Version": POLICY_VERSION,
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
    )


def root_of(account: str) -> str:
    """The account itself as a principal: its own IAM policies decide who of it."""
    return f"arn:aws:iam::{account}:root"
