"""The roles that GitHub's jobs take, made by the bootstrap itself, in terms that the twin's IAM knows."""

import json

from bootstrap import names, permissions
from bootstrap.__main__ import apply
from bootstrap.account import Account

# Statements whose conditions, or whose kind of resource, the twin's IAM does not know.
CONDITIONS_UNKNOWN = ("AttachKnownPolicies", "GiveRolesToServices", "RolesOfServices")
RESOURCES_UNKNOWN = ("RolesOfTheProgram",)


def prepare(account: Account) -> None:
    """Bootstraps the account. Its own root may then take both roles: the twin takes no tokens of GitHub's."""
    list(apply(account))
    iam, office = account.client("iam"), account.office
    relaxed = permissions.deploy(office)
    for statement in relaxed["Statement"]:
        if statement["Sid"] in CONDITIONS_UNKNOWN:
            del statement["Condition"]
        if statement["Sid"] in RESOURCES_UNKNOWN:
            statement["Resource"] = "*"
    iam.put_role_policy(
        RoleName=names.deploy_role(office), PolicyName="deploy", PolicyDocument=json.dumps(relaxed)
    )
    trust = permissions.document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{office.account}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    for role in (names.deploy_role(office), names.preview_role(office)):
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
