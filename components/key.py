"""The office's key: one KMS key encrypts all that holds samples, names of samples or events about them.

Buckets, tables, queues, topics, logs and images of an office use it. Its policy lets the account's own IAM
policies decide who uses it, and gives the AWS services that act on their own (EventBridge, CloudWatch, logs)
just what they need.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.names import key_alias, physical, replication_role_arn
from components.office import Office
from components.options import child_of
from components.permission import POLICY_VERSION, Permission, root_of
from components.tags import tags

DELETION_WINDOW_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class OfficeKeyArgs:
    office: Office
    headquarters: Office  # whose references replicate into this office's bucket, under this key


class OfficeKey(pulumi.ComponentResource):
    """A customer managed key that rotates every year, and its alias `alias/globalbi-<office>`."""

    def __init__(self, name: str, args: OfficeKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:OfficeKey", name, None, opts)
        office = args.office
        self._key = aws.kms.Key(
            name,
            description=f"Samples and events of the office {office.name}",
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=json.dumps({"Version": POLICY_VERSION, "Statement": _statements(args)}),
            tags=tags(office.name, "key"),
            opts=child_of(self, keep=True),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=key_alias(office.name),
            target_key_id=self._key.key_id,
            opts=child_of(self),
        )
        self.arn = self._key.arn
        services = [f"{service}.{office.region}.amazonaws.com" for service in ("s3", "sqs", "dynamodb")]
        # Through these services only: nobody encrypts or decrypts by hand.
        self.use = Permission(
            sid="UseOfficeKey",
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
            resources=[self.arn],
            conditions={"StringEquals": {"kms:ViaService": services}},
        )
        self.publish = self._through("sns", "PublishEncrypted", office.region)
        self.read_parameters = self._through("ssm", "DecryptParameters", office.region)
        # Lambda decrypts a function's environment with the function's role, under this encryption context.
        self.read_environment = Permission(
            sid="ReadOwnEnvironment",
            actions=("kms:Decrypt",),
            resources=[self.arn],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:lambda:FunctionArn": (
                        f"arn:aws:lambda:{office.region}:{office.account}:function:{physical(office.name)}-*"
                    )
                }
            },
        )
        self.register_outputs({"arn": self.arn})

    def _through(self, service: str, sid: str, region: str) -> Permission:
        return Permission(
            sid=sid,
            actions=("kms:Decrypt", "kms:GenerateDataKey"),
            resources=[self.arn],
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}},
        )


def _statements(args: OfficeKeyArgs) -> list[dict[str, Any]]:
    office = args.office
    # In a key's policy the resource "*" is this key and no other.
    return [
        {
            "Sid": "IamOfTheAccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": root_of(office.account)},
            "Action": "kms:*",
            "Resource": "*",
        },
        # A service principal has no IAM policy, so the key itself must name it.
        {
            # No condition: EventBridge sends KMS neither account nor ARN when it delivers. The queues' own
            # policies name the rules that may send.
            "Sid": "EventBridgeDeliversIntoEncryptedQueues",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        },
        {
            "Sid": "AlarmsPublishToTheEncryptedTopic",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": office.account}},
        },
        {
            "Sid": "LogsEncryptsTheGroupsOfThisAccount",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{office.region}.amazonaws.com"},
            "Action": [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:GenerateDataKey",
                "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": (
                        f"arn:aws:logs:{office.region}:{office.account}:log-group:*"
                    )
                }
            },
        },
        *([] if office.headquarters else [_replication(office, args.headquarters)]),
    ]


def _replication(office: Office, headquarters: Office) -> dict[str, Any]:
    # The role may not exist yet when this key is made: KMS refuses a principal that it does not find, but not
    # a condition.
    return {
        "Sid": "HeadquartersReplicatesReferences",
        "Effect": "Allow",
        "Principal": {"AWS": root_of(headquarters.account)},
        "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": replication_role_arn(headquarters.account)},
            "StringEquals": {"kms:ViaService": f"s3.{office.region}.amazonaws.com"},
        },
    }
