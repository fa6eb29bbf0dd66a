"""The audit: who read and wrote which object of uploads and results, whoever it was.

CloudTrail writes it, signed, into a bucket whose objects are locked. It is the bootstrap's and not the
program's: who deploys must not be able to switch it off. Changes of settings are in the organization's own
trail.
"""

from typing import Any

from bootstrap import names, permissions
from bootstrap.account import Account, Action, found, holds
from bootstrap.bucket import Wanted, actions, tidy
from bootstrap.state import key_arn
from components.names import bucket_name

# Longer than a leak stays unnoticed, as a rule; what is asked for later must be asked for within this time.
KEPT_DAYS = 365
COMPONENT = "audit"
AUDITED = ("uploads", "results")


def bucket(account: Account) -> list[Action]:
    """The bucket, and each of its settings that is not as it should be."""
    wanted = Wanted(
        name=names.audit_bucket(account.office),
        component=COMPONENT,
        policy=permissions.audit_policy(account.office),
        policy_why="let the trail write, refuse plain HTTP, other accounts and every deletion",
        lifecycle=tidy(
            "old-records",
            Expiration={"Days": KEPT_DAYS},
            NoncurrentVersionExpiration={"NoncurrentDays": 1},
        ),
        lifecycle_why=f"forget after {KEPT_DAYS} days",
        versions_why="keep what would be overwritten",
        key_arn=lambda: key_arn(account),
        locked_days=KEPT_DAYS,
    )
    return actions(account, wanted)


def trail(account: Account) -> list[Action]:
    """The trail, what it records, and that it does."""
    cloudtrail, office = account.client("cloudtrail"), account.office
    name, arn = names.trail(office), names.trail_arn(office)
    there = found(cloudtrail.get_trail, "TrailNotFoundException", Name=name)
    due = []
    if there is None:
        due.append(
            Action(
                words=f"make the trail {name}",
                do=lambda: cloudtrail.create_trail(**_trail(account), TagsList=account.tag_list(COMPONENT)),
            )
        )
    elif not holds(there["Trail"], _as_told(_trail(account))):
        due.append(Action(words=f"set {name}", do=lambda: cloudtrail.update_trail(**_trail(account))))
    selectors = _selectors(account)
    recorded = there and cloudtrail.get_event_selectors(TrailName=arn).get("AdvancedEventSelectors")
    if not holds(recorded, selectors):
        due.append(
            Action(
                words=f"{name}: record who touches an object of {' and '.join(AUDITED)}",
                do=lambda: cloudtrail.put_event_selectors(TrailName=arn, AdvancedEventSelectors=selectors),
            )
        )
    if there is None or not cloudtrail.get_trail_status(Name=arn)["IsLogging"]:
        due.append(Action(words=f"{name}: begin", do=lambda: cloudtrail.start_logging(Name=arn)))
    return due


def _trail(account: Account) -> dict[str, Any]:
    return {
        "Name": names.trail(account.office),
        "S3BucketName": names.audit_bucket(account.office),
        "KmsKeyId": key_arn(account),
        "EnableLogFileValidation": True,
        # The record of a region stays there.
        "IsMultiRegionTrail": False,
        "IncludeGlobalServiceEvents": False,
    }


def _as_told(given: dict[str, Any]) -> dict[str, Any]:
    """CloudTrail answers with another name for one of them."""
    told = dict(given)
    told["LogFileValidationEnabled"] = told.pop("EnableLogFileValidation")
    return told


def _selectors(account: Account) -> list[dict[str, Any]]:
    """Data events alone: the first trail's management events are the organization's."""
    office = account.office
    objects = [f"arn:aws:s3:::{bucket_name(office.name, content, office.account)}/" for content in AUDITED]
    return [
        {
            "Name": "Objects of samples",
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                {"Field": "resources.ARN", "StartsWith": objects},
            ],
        }
    ]
