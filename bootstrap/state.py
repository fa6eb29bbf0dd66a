"""State: the bucket that holds the office's state and the key that encrypts what is secret in it.

Both stand in the office's own account and region: who breaks into one office has the state of no other.
"""

import json

from bootstrap import names, permissions
from bootstrap.account import Account, Action, found, holds
from bootstrap.bucket import Wanted, actions, tidy

# How long a state of before can be brought back, and how many are kept however old.
OLD_STATE_DAYS, OLD_STATES_KEPT = 365, 50
COMPONENT = "state"
NOT_YET = "arn:aws:kms:the-key-that-is-to-be-made"


def key(account: Account) -> list[Action]:
    """The key, found by its alias; one that an interrupted run left without a name is taken up."""
    kms, alias = account.client("kms"), names.secrets_alias(account.office)
    policy = json.dumps(permissions.key_policy(account.office))
    key_id = _key_id(account)
    if key_id is None:
        orphan = _nameless(account)

        def make() -> None:
            made = (
                orphan
                or kms.create_key(
                    Description=f"Secrets in the state of the office {account.office.name}",
                    Policy=policy,
                    Tags=[{"TagKey": k, "TagValue": v} for k, v in account.tags(COMPONENT).items()],
                )["KeyMetadata"]["KeyId"]
            )
            kms.enable_key_rotation(KeyId=made)
            kms.create_alias(AliasName=alias, TargetKeyId=made)

        return [Action(words=f"{'name the' if orphan else 'make a'} KMS key, {alias}", do=make)]
    due = []
    if not kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]:
        due.append(
            Action(words=f"turn over {alias} every year", do=lambda: kms.enable_key_rotation(KeyId=key_id))
        )
    there = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
    if json.loads(there) != json.loads(policy):
        due.append(
            Action(
                words=f"set the policy of {alias}",
                do=lambda: kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy),
            )
        )
    return due


def _key_id(account: Account) -> str | None:
    alias = names.secrets_alias(account.office)
    answer = found(account.client("kms").describe_key, "NotFoundException", KeyId=alias)
    return str(answer["KeyMetadata"]["KeyId"]) if answer else None


def key_arn(account: Account) -> str:
    alias = names.secrets_alias(account.office)
    answer = found(account.client("kms").describe_key, "NotFoundException", KeyId=alias)
    return str(answer["KeyMetadata"]["Arn"]) if answer else NOT_YET


def _nameless(account: Account) -> str | None:
    kms = account.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for each in page["Keys"]:
            tags = found(kms.list_resource_tags, "AccessDeniedException", KeyId=each["KeyId"]) or {"Tags": []}
            have = {tag["TagKey"]: tag["TagValue"] for tag in tags["Tags"]}
            named = kms.list_aliases(KeyId=each["KeyId"])["Aliases"]
            usable = kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
            if holds(have, account.tags(COMPONENT)) and not named and usable:
                return str(each["KeyId"])
    return None


def bucket(account: Account) -> list[Action]:
    """The bucket, and each of its settings that is not as it should be."""
    wanted = Wanted(
        name=names.state_bucket(account.office),
        component=COMPONENT,
        policy=permissions.state_policy(account.office),
        policy_why="refuse plain HTTP, other accounts and the deletion of history",
        lifecycle=tidy(
            "old-states",
            NoncurrentVersionExpiration={
                "NoncurrentDays": OLD_STATE_DAYS,
                "NewerNoncurrentVersions": OLD_STATES_KEPT,
            },
        ),
        lifecycle_why=f"forget states of before after {OLD_STATE_DAYS} days, but the last {OLD_STATES_KEPT}",
        versions_why="keep every state of before",
        key_arn=lambda: key_arn(account),
    )
    return actions(account, wanted)
