"""What a person changed by hand is read as it is."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from twin.offices import ROOT, office
from twin.refresh import look
from twin.resources import KINDS
from twin.resources import kind as kinds
from twin.server import Twin
from twin.state import Kept, State

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]}
Call = Callable[[Any], object]


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """A resource, what somebody does to it, and what is then read; None when it is gone."""

    kind: str
    inputs: Mapping[str, Any]
    service: str
    change: Call
    found: Mapping[str, Any] | None


FUNCTION = {
    "name": "f",
    "role": "arn:aws:iam::222222222222:role/of-f",
    "handler": "h.h",
    "runtime": "python3.13",
    "timeout": 10,
    "code": pulumi.AssetArchive({"h.py": pulumi.StringAsset("def h(e, c): ...")}),
}
PRIVATE = {"bucket": "by-hand", "blockPublicAcls": True, "blockPublicPolicy": True}
CASES = {
    "a function's time-out": ByHand(
        kind="aws:lambda/function:Function",
        inputs=FUNCTION,
        service="lambda",
        change=lambda client: client.update_function_configuration(FunctionName="f", Timeout=60),
        found={"timeout": 60},
    ),
    "a function that is gone": ByHand(
        kind="aws:lambda/function:Function",
        inputs=FUNCTION,
        service="lambda",
        change=lambda client: client.delete_function(FunctionName="f"),
        found=None,
    ),
    "a log group's retention": ByHand(
        kind="aws:cloudwatch/logGroup:LogGroup",
        inputs={"name": "g", "retentionInDays": 30},
        service="logs",
        change=lambda client: client.put_retention_policy(logGroupName="g", retentionInDays=1),
        found={"retentionInDays": 1},
    ),
    "a log group that is gone": ByHand(
        kind="aws:cloudwatch/logGroup:LogGroup",
        inputs={"name": "g", "retentionInDays": 30},
        service="logs",
        change=lambda client: client.delete_log_group(logGroupName="g"),
        found=None,
    ),
    "a bucket's versions": ByHand(
        kind="aws:s3/bucketVersioning:BucketVersioning",
        inputs={"bucket": "by-hand", "versioningConfiguration": {"status": "Enabled"}},
        service="s3",
        change=lambda client: client.put_bucket_versioning(
            Bucket="by-hand", VersioningConfiguration={"Status": "Suspended"}
        ),
        found={"versioningConfiguration": {"status": "Suspended"}},
    ),
    "a bucket opened to the public": ByHand(
        kind="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        inputs=PRIVATE,
        service="s3",
        change=lambda client: client.put_public_access_block(
            Bucket="by-hand", PublicAccessBlockConfiguration={"BlockPublicAcls": True}
        ),
        found={"blockPublicPolicy": False},
    ),
    "a bucket without its block": ByHand(
        kind="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        inputs=PRIVATE,
        service="s3",
        change=lambda client: client.delete_public_access_block(Bucket="by-hand"),
        found=None,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_was_changed_by_hand_is_read(running: Twin, case: ByHand) -> None:
    """The nightly look would else be silent about it."""
    where = office("eu", ROOT)
    target = kinds.Target(office=where, endpoint=running.endpoint)
    root = {service: where.client(service, running.endpoint) for service in ("iam", "s3", case.service)}
    root["iam"].create_role(RoleName="of-f", AssumeRolePolicyDocument=json.dumps(TRUST))
    place = {"LocationConstraint": where.region}
    root["s3"].create_bucket(Bucket="by-hand", CreateBucketConfiguration=place)
    kind, inputs = KINDS[case.kind], dict(case.inputs)
    made = kind.create(target, "it", inputs)
    kept = Kept(type=kind.type, name="it", id=made.id, inputs=inputs, outputs={**inputs, **made.outputs})
    state = State(office="eu", life="", resources={"it": kept})
    try:
        look(target, state)
        assert state.resources["it"].inputs == case.inputs
        case.change(root[case.service])
        look(target, state)
        if case.found is None:
            assert state.resources == {}
        else:
            assert state.resources["it"].inputs == {**case.inputs, **case.found}
            assert case.found.items() <= state.resources["it"].outputs.items()
    finally:
        if case.found is not None:
            gone = kinds.Change(id=kept.id, name="it", old=kept.inputs, new={}, outputs=kept.outputs)
            kind.delete(target, gone)
        root["s3"].delete_bucket(Bucket="by-hand")
        root["iam"].delete_role(RoleName="of-f")
