"""The roles that GitHub's jobs take, made by the bootstrap itself, in terms that the twin's IAM knows."""

import json

from bootstrap import names, permissions
from bootstrap.__main__ import apply
from bootstrap.account import Account
from bootstrap.identity import wanted_roles

# Statements whose conditions, or whose kind of resource, the twin's IAM does not know.
CONDITIONS_UNKNOWN = ("AttachKnownPolicies", "GiveRolesToServices", "RolesOfServices")
RESOURCES_UNKNOWN = ("RolesOfTheProgram",)


def prepare(account: Account) -> None:
    """Bootstraps the account. Its root may take the roles that preview and deploy, too: jobs of several
    environments run at once, and the local GitHub's tokens are of one.
    """
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
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{office.account}:root"},
        "Action": "sts:AssumeRole",
    }
    for role in wanted_roles(account):
        if role.name in (names.deploy_role(office), names.preview_role(office)):
            trust = permissions.document(*role.trust["Statement"], root)
            iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(trust))
