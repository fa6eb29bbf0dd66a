"""What the functions and jobs really ask of AWS: every call of their stories, as IAM actions on ARNs.

Intake, progress, reconcile, headquarters' function and the runner's lease and publication are recorded in the
campaign's story with every turn; desk, delivery and census in tellings of their own; a whole job,
with its upload and references, in the twin.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError

from campaign.account import Account
from handlers import census, delivery, desk, fleet, intake, progress, reconcile

ACCOUNT, REGION = "222222222222", "eu-central-1"
ABSENT = ("404", "NoSuchKey")
# What one operation asks for, where its name is not the action's.
S3_ACTIONS: Mapping[str, str] = {
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "UploadPartCopy": "PutObject",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}
# Where a function's work begins.
ENTRIES = (
    *((module, "handle") for module in (intake, progress, reconcile, delivery, desk, census, fleet)),
    (delivery, "sweep"),
)
NAMESPACES: Mapping[str, str] = {"eventbridge": "events"}


@dataclass(frozen=True, kw_only=True)
class Use:
    """An action that somebody took on a resource."""

    who: str
    action: str
    resource: str


def uses_of(
    who: str, service: str, operation: str, params: Mapping[str, Any], *, absent: bool = False
) -> Iterator[Use]:
    """The actions of one call. `absent` says that it found nothing, for which S3 wants the right to list."""
    region, account = (REGION, ACCOUNT) if who != "fleet" else ("ap-northeast-2", "111111111111")

    def use(action: str, resource: str) -> Use:
        return Use(who=who, action=f"{NAMESPACES.get(service, service)}:{action}", resource=resource)

    if service == "s3":
        bucket = f"arn:aws:s3:::{params['Bucket']}"
        action = S3_ACTIONS.get(operation, operation)
        if action == "GetObject" and "VersionId" in params:
            action = "GetObjectVersion"
        yield use(action, bucket if action.startswith("ListBucket") else f"{bucket}/{params['Key']}")
        if operation in ("CopyObject", "UploadPartCopy"):
            source = params["CopySource"]
            yield use("GetObject", f"arn:aws:s3:::{source['Bucket']}/{source['Key']}")
        if absent:
            yield use("ListBucket", bucket)
    elif service == "dynamodb":
        for action, words in _items(operation, params):
            table = f"arn:aws:dynamodb:{region}:{account}:table/{words['TableName']}"
            index = words.get("IndexName")
            yield use(action, f"{table}/index/{index}" if index else table)
    elif service == "batch":
        named = [params[each] for each in ("jobQueue", "jobDefinition") if operation == "SubmitJob"]
        ended = f"arn:aws:batch:{region}:{account}:job/{params.get('jobId')}"
        for resource in named or [ended if operation in ("TerminateJob", "CancelJob") else "*"]:
            yield use(operation, resource)
        if "tags" in params:
            yield from (use("TagResource", each) for each in (ended, params["jobDefinition"]))
    elif service in ("events", "eventbridge"):
        yield use(operation, f"arn:aws:events:{region}:{account}:event-bus/default")
    elif service == "kms":
        yield use(operation, params["KeyId"])
    elif service == "sns":
        yield use(operation, params["TopicArn"])
    else:
        raise LookupError(f"{who}: {service}:{operation} must be translated into IAM's terms here")


def _items(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if operation == "BatchGetItem":
        yield from ((operation, {"TableName": table}) for table in params["RequestItems"])
        return
    if operation != "TransactWriteItems":
        yield operation, params
        return
    actions = {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
    }
    for each in params["TransactItems"]:
        for kind, words in each.items():
            yield actions[kind], words


@contextmanager
def recording(found: set[Use], who: str = "", renamed: Mapping[str, str] | None = None) -> Iterator[None]:
    """Everything that botocore's clients are asked for meanwhile: by `who`, or else by the handler that is at
    work. `renamed` gives things the names that they have in an office.
    """
    call = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    at_work = [who] if who else []
    names = renamed or {}

    def noting(self: Any, operation: str, params: Any) -> Any:
        def asked() -> Any:
            return call(self, operation, params)

        if not at_work:
            return asked()
        named = {
            key: names.get(value, value) if isinstance(value, str) else value for key, value in params.items()
        }
        return _noted(found, at_work[-1], self.meta.service_model.service_name, operation, named, asked)

    def working(name: str, entry: Callable[..., Any]) -> Callable[..., Any]:
        def work(*arguments: Any, **more: Any) -> Any:
            at_work.append(name)
            try:
                return entry(*arguments, **more)
            finally:
                at_work.pop()

        return work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.client.BaseClient, "_make_api_call", noting)
        for module, entry in ENTRIES:
            name = module.__name__.rpartition(".")[2]
            patch.setattr(module, entry, working(name, getattr(module, entry)))
        yield


@contextmanager
def recording_campaign(found: set[Use]) -> Iterator[None]:
    """Everything that the campaign's functions and containers ask for meanwhile."""
    call = Account._call

    def noting(self: Account, whole: Any, service: str, quota: Any, operation: str, params: Any) -> Any:
        life = self.lives.get(self.simulation.task)
        who = life.name.split()[0].replace("container", "job") if life else "-"
        return _noted(
            found,
            who,
            service,
            operation,
            params,
            lambda: call(self, whole, service, quota, operation, params),
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "_call", noting)
        yield


def _noted(
    found: set[Use],
    who: str,
    service: str,
    operation: str,
    params: Mapping[str, Any],
    call: Callable[[], Any],
) -> Any:
    absent = False
    try:
        return call()
    except ClientError as error:
        absent = error.response["Error"]["Code"] in ABSENT
        raise
    finally:
        found.update(uses_of(who, service, operation, params, absent=absent))
