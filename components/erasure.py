"""Erasure: the one role that deletes versions of samples, in its own office and nowhere else.

`fleet erase` takes it, with the reason as a tag of the session, which AWS's audit keeps. It deletes, and
changes the ledger. It reads nothing: whoever takes it looks with rights of their own. It signs nothing:
reconcile makes the tombstone of what the ledger says. The account's own IAM decides who may take it.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.bucket import Bucket
from components.key import OfficeKey
from components.ledger import Ledger
from components.names import boundary_arn, erasure_role
from components.office import Office
from components.options import child_of
from components.permission import POLICY_VERSION, Permission, inline_policy, root_of
from components.tags import tags


@dataclass(frozen=True, kw_only=True)
class ErasureArgs:
    office: Office
    uploads: Bucket
    results: Bucket
    ledger: Ledger
    key: OfficeKey


class Erasure(pulumi.ComponentResource):
    """The role `globalbi-<office>-erasure`."""

    def __init__(self, name: str, args: ErasureArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Erasure", name, None, opts)
        office = args.office
        role = aws.iam.Role(
            name,
            name=erasure_role(office.name),
            description="Erases samples: deletes versions, names a reason",
            assume_role_policy=_trust(office),
            permissions_boundary=boundary_arn(office.name, office.account),
            tags=tags(office.name, "erasure"),
            opts=child_of(self),
        )
        objects = [pulumi.Output.concat(each.arn, "/*") for each in (args.uploads, args.results)]
        erase = Permission(
            sid="EraseVersions",
            actions=("s3:DeleteObjectVersion", "s3:AbortMultipartUpload"),
            resources=objects,
        )
        aws.iam.RolePolicy(
            f"{name}-may",
            name="erase",
            role=role.name,
            policy=inline_policy([erase, args.ledger.erase, args.key.use]),
            opts=child_of(role),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})


def _trust(office: Office) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": root_of(office.account)},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        # Nobody takes it without saying why.
        "Condition": {"StringLike": {"aws:RequestTag/reason": "?*"}},
    }
    return json.dumps({"Version": POLICY_VERSION, "Statement": [statement]})
