"""The office's passport key: an elliptic-curve key in KMS that signs `passport.json`.

Only the functions that bring runs to their ends may sign, whatever other policies say. Reconcile puts its
public half into the results bucket (`handlers/passport_key.py`): whoever deploys touches no objects.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.key import DELETION_WINDOW_DAYS
from components.names import FUNCTION_LIMIT, passport_key_alias, shortened
from components.office import Office
from components.options import child_of
from components.permission import POLICY_VERSION, Permission, root_of
from components.tags import tags


@dataclass(frozen=True, kw_only=True)
class PassportKeyArgs:
    office: Office
    signers: Sequence[str]  # the names of the functions that sign


class PassportKey(pulumi.ComponentResource):
    """The key, and its alias `alias/globalbi-<office>-passports`."""

    def __init__(self, name: str, args: PassportKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:PassportKey", name, None, opts)
        office = args.office
        key = aws.kms.Key(
            name,
            description=f"Signs the passports of the results of the office {office.name}",
            customer_master_key_spec="ECC_NIST_P256",
            key_usage="SIGN_VERIFY",
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(office, args.signers),
            tags=tags(office.name, "passport-key"),
            opts=child_of(self, keep=True),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=passport_key_alias(office.name),
            target_key_id=key.key_id,
            opts=child_of(self),
        )
        self.arn = key.arn
        # A key of this kind knows one algorithm.
        self.sign = Permission(sid="SignPassports", actions=("kms:Sign",), resources=[key.arn])
        self.publish = Permission(
            sid="PublishPassportKey", actions=("kms:GetPublicKey",), resources=[key.arn]
        )
        self.register_outputs({"arn": self.arn})


def _policy(office: Office, signers: Sequence[str]) -> str:
    roles = [f"arn:aws:iam::{office.account}:role/{shortened(name, FUNCTION_LIMIT)}" for name in signers]
    # In a key's policy the resource "*" is this key and no other.
    statements = [
        {
            "Sid": "IamOfTheAccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": root_of(office.account)},
            "Action": "kms:*",
            "Resource": "*",
        },
        # The roles may not exist yet when this key is made: KMS refuses a principal that it does not find,
        # but not a condition.
        {
            "Sid": "OnlyTheSignersSign",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "kms:Sign",
            "Resource": "*",
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": roles}},
        },
    ]
    return json.dumps({"Version": POLICY_VERSION, "Statement": statements})
