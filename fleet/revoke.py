"""Revoke: a lost branch key opens nothing any more, and what was done with it is listed.

Whoever has the key of somebody who may take the branch role can take it again and again: so the role itself
is closed, to sessions from before and to new ones. Once the lost key is gone in the account's own sign-in,
`reopen` lets new sessions in; those from before stay shut out.

The role can do two things. What it uploaded lies in the bucket, version by version. What it read, S3 tells
only to a trail of data events, which is the account's own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.names import physical
from components.office import Office
from components.permission import POLICY_VERSION
from fleet.access import Access
from fleet.ledgers import ledger_runs
from fleet.rerun import MARK

POLICY = "revoked"  # beside the role's own inline policy, which deploys know
MOST_SESSIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """A version that somebody uploaded, and its run where it has one."""

    at: str
    key: str
    version_id: str
    size: int
    run_id: str | None


def branch_role(office: Office) -> str:
    return physical(office.name, "branch")


def revoke(access: Access, office: Office) -> None:
    """Close the branch role to everybody. A second time changes nothing."""
    _put(access, office, {})


def reopen(access: Access, office: Office, now: datetime) -> None:
    """Let in who takes the role from now on."""
    before = {"Condition": {"DateLessThan": {"aws:TokenIssueTime": now.isoformat(timespec="seconds")}}}
    _put(access, office, before)


def _put(access: Access, office: Office, condition: Mapping[str, Any]) -> None:
    statement = {"Sid": "Revoked", "Effect": "Deny", "Action": "*", "Resource": "*", **condition}
    access.client("iam", office).put_role_policy(
        RoleName=branch_role(office),
        PolicyName=POLICY,
        PolicyDocument=json.dumps({"Version": POLICY_VERSION, "Statement": [statement]}),
    )


def uploads(access: Access, office: Office, since: datetime) -> Iterator[Uploaded]:
    """What was uploaded since then and is not a rerun of headquarters', the last one first."""
    context = access.context(office)
    runs = {
        (run.upload_key, run.version_id): run.run_id
        for run in ledger_runs(context.clients.dynamodb, context.office.ledger)
    }
    pages = context.clients.s3.get_paginator("list_object_versions").paginate(Bucket=context.office.uploads)
    found = [
        version for page in pages for version in page.get("Versions", []) if version["LastModified"] >= since
    ]
    for each in sorted(found, key=lambda version: version["LastModified"], reverse=True):
        place = {"Bucket": context.office.uploads, "Key": each["Key"], "VersionId": each["VersionId"]}
        if MARK in context.clients.s3.head_object(**place).get("Metadata", {}):
            continue
        yield Uploaded(
            at=each["LastModified"].astimezone(UTC).isoformat(timespec="seconds"),
            key=each["Key"],
            version_id=each["VersionId"],
            size=each["Size"],
            run_id=runs.get((each["Key"], each["VersionId"])),
        )


def sessions(access: Access, office: Office, since: datetime) -> list[dict[str, Any]] | str:
    """Who took the role since then, by AWS's own event history; in words why it cannot be told."""
    role = f"arn:aws:iam::{office.account}:role/{branch_role(office)}"
    try:
        pages = (
            access.client("cloudtrail", office)
            .get_paginator("lookup_events")
            .paginate(
                LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": role}],
                StartTime=since,
                PaginationConfig={"MaxItems": MOST_SESSIONS},
            )
        )
        return [_session(event) for page in pages for event in page["Events"]]
    except (BotoCoreError, ClientError) as error:
        return str(error)


def _session(event: Mapping[str, Any]) -> dict[str, Any]:
    told = json.loads(event.get("CloudTrailEvent") or "{}")
    asked = told.get("requestParameters") or {}
    return {
        "at": event["EventTime"],
        "what": event["EventName"],
        "by": (told.get("userIdentity") or {}).get("arn"),
        "from": told.get("sourceIPAddress"),
        "session": asked.get("roleSessionName"),
    }
