"""Each policy passes what the program declares, and finds what is broken in it."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from policies.declared import UNKNOWN, Resource, Stack, of_preview
from policies.pack import POLICIES, judge
from tests.policies.conftest import OFFICES

Break = Callable[[dict[str, Any]], None]


def without(key: str) -> Break:
    return lambda inputs: inputs.pop(key)


def put(value: Any, *path: Any) -> Break:
    def change(inputs: dict[str, Any]) -> None:
        here: Any = inputs
        for part in path[:-1]:
            here = here[part]
        here[path[-1]] = value

    return change


def in_json(key: str, *changes: Break) -> Break:
    def change(inputs: dict[str, Any]) -> None:
        document = json.loads(inputs[key])
        for each in changes:
            each(document)
        inputs[key] = json.dumps(document)

    return change


# A way out of the region may break a rule of its own as well.
RESIDENCY = {"GBI-RES-1"}
ALLOW_ALL = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "*"}
STATEMENT = ("Statement", 0)
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
JOB = "aws:batch/jobDefinition:JobDefinition"
FUNCTION = "aws:lambda/function:Function"
REPOSITORY = "aws:ecr/repository:Repository"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

# By policy: what to break, as a type of resource and a change of its inputs. None takes the resource away.
BROKEN: Mapping[str, list[tuple[str, Break | None]]] = {
    "GBI-S3-1": [
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", put(False, "restrictPublicBuckets")),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", without("blockPublicAcls")),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", None),
    ],
    "GBI-S3-2": [
        ("aws:s3/bucketVersioning:BucketVersioning", put("Suspended", "versioningConfiguration", "status")),
        ("aws:s3/bucketVersioning:BucketVersioning", None),
    ],
    "GBI-S3-3": [
        (
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            put("AES256", "rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm"),
        ),
        ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", None),
    ],
    "GBI-S3-4": [
        (
            "aws:s3/bucketPolicy:BucketPolicy",
            in_json("policy", put({"Bool": {"aws:SecureTransport": "true"}}, *STATEMENT, "Condition")),
        ),
        ("aws:s3/bucketPolicy:BucketPolicy", None),
    ],
    "GBI-S3-5": [
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            put(None, "rules", 0, "abortIncompleteMultipartUpload"),
        )
    ],
    "GBI-S3-6": [
        (
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            put("ObjectWriter", "rule", "objectOwnership"),
        )
    ],
    "GBI-S3-7": [
        (
            "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
            put("globalbi-hq-uploads-111111111111", "bucket"),
        )
    ],
    "GBI-DDB-1": [
        ("aws:dynamodb/table:Table", put(False, "pointInTimeRecovery", "enabled")),
        ("aws:dynamodb/table:Table", without("deletionProtectionEnabled")),
    ],
    "GBI-DDB-2": [("aws:dynamodb/table:Table", put({"enabled": True}, "serverSideEncryption"))],
    "GBI-ECR-1": [
        (REPOSITORY, put(False, "imageScanningConfiguration", "scanOnPush")),
        (REPOSITORY, put("MUTABLE", "imageTagMutability")),
        (REPOSITORY, without("encryptionConfigurations")),
    ],
    "GBI-KMS-1": [
        ("aws:kms/key:Key", without("enableKeyRotation")),
        ("aws:kms/key:Key", put(7, "deletionWindowInDays")),
    ],
    "GBI-LOG-1": [
        ("aws:cloudwatch/logGroup:LogGroup", without("kmsKeyId")),
        ("aws:cloudwatch/logGroup:LogGroup", put(0, "retentionInDays")),  # AWS: 0 is for ever
    ],
    "GBI-SQS-1": [("aws:sqs/queue:Queue", without("kmsMasterKeyId"))],
    "GBI-SQS-2": [("aws:sqs/queue:Queue", without("redrivePolicy"))],
    "GBI-SQS-3": [
        ("aws:sqs/queuePolicy:QueuePolicy", None),
        ("aws:sqs/queuePolicy:QueuePolicy", in_json("policy", put({}, *STATEMENT, "Condition"))),
    ],
    "GBI-SNS-1": [("aws:sns/topic:Topic", without("kmsMasterKeyId"))],
    "GBI-EVT-1": [("aws:cloudwatch/eventTarget:EventTarget", without("deadLetterConfig"))],
    "GBI-RES-1": [
        (
            "aws:cloudwatch/eventTarget:EventTarget",
            put("arn:aws:events:us-east-1:444444444444:event-bus/default", "arn"),
        )
    ],
    "GBI-EVT-2": [("aws:cloudwatch/eventBusPolicy:EventBusPolicy", None)],
    "GBI-EVT-3": [("aws:lambda/eventSourceMapping:EventSourceMapping", without("functionResponseTypes"))],
    "GBI-LAM-1": [(FUNCTION, put("python3.8", "runtime"))],
    "GBI-LAM-2": [(FUNCTION, without("kmsKeyArn")), (FUNCTION, put("PassThrough", "tracingConfig", "mode"))],
    "GBI-LAM-3": [("aws:lambda/permission:Permission", without("sourceArn"))],
    "GBI-BAT-1": [(JOB, in_json("containerProperties", put("registry/globalbi/metagenome:latest", "image")))],
    "GBI-BAT-2": [
        (JOB, in_json("containerProperties", put(True, "privileged"))),
        (JOB, in_json("containerProperties", put("0:0", "user"))),
        (JOB, in_json("containerProperties", without("user"))),
        (JOB, in_json("containerProperties", put(False, "readonlyRootFilesystem"))),
        (JOB, in_json("containerProperties", put("/var/run", "volumes", 0, "host", "sourcePath"))),
    ],
    "GBI-BAT-3": [(JOB, put(True, "deregisterOnNewRevision")), (JOB, without("deregisterOnNewRevision"))],
    "GBI-BAT-4": [(JOB, put(3, "retryStrategy", "attempts")), (JOB, without("timeout"))],
    "GBI-BAT-5": [
        (
            "aws:batch/computeEnvironment:ComputeEnvironment",
            put(True, "updatePolicy", "terminateJobsOnUpdate"),
        )
    ],
    "GBI-EC2-1": [
        (TEMPLATE, put("optional", "metadataOptions", "httpTokens")),
        (TEMPLATE, put(2, "metadataOptions", "httpPutResponseHopLimit")),
    ],
    "GBI-EC2-2": [(TEMPLATE, put("false", "blockDeviceMappings", 0, "ebs", "encrypted"))],
    "GBI-IAM-1": [
        (
            ROLE_POLICY,
            in_json("policy", put("a:*", *STATEMENT, "Action"), put("arn", *STATEMENT, "Resource")),
        ),
        (ROLE_POLICY, in_json("policy", put(["s3:Get*"], *STATEMENT, "NotAction"))),
    ],
    "GBI-IAM-2": [
        (
            ROLE_POLICY,
            in_json("policy", put("*", *STATEMENT, "Resource"), put("s3:GetObject", *STATEMENT, "Action")),
        ),
        (
            ROLE_POLICY,
            in_json("policy", put("*", *STATEMENT, "NotResource"), put("a:B", *STATEMENT, "Action")),
        ),
    ],
    "GBI-IAM-3": [
        ("aws:s3/bucketPolicy:BucketPolicy", in_json("policy", lambda d: d["Statement"].append(ALLOW_ALL))),
        ("aws:iam/role:Role", in_json("assumeRolePolicy", put("*", *STATEMENT, "Principal"))),
    ],
    "GBI-IAM-4": [
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            put("arn:aws:iam::aws:policy/AdministratorAccess", "policyArn"),
        )
    ],
    "GBI-IAM-5": [
        ("aws:iam/role:Role", without("permissionsBoundary")),
        ("aws:iam/role:Role", put("arn:aws:iam::aws:policy/AdministratorAccess", "permissionsBoundary")),
        ("aws:iam/role:Role", put("arn:aws:iam::111111111111:policy/other", "permissionsBoundary")),
    ],
    "GBI-NET-2": [
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", put("0.0.0.0/0", "cidrIpv4")),
        ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", put("::/0", "cidrIpv6")),
    ],
    "GBI-NET-3": [
        ("aws:ec2/flowLog:FlowLog", None),
        ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", put([{"protocol": "-1"}], "ingress")),
    ],
    "GBI-NET-4": [("aws:ec2/subnet:Subnet", put(True, "mapPublicIpOnLaunch"))],
    "GBI-TAG-1": [("aws:sqs/queue:Queue", put({"globalbi:office": "hq"}, "tags"))],
}
# What must not be there at all is added instead.
ADDED = {
    "GBI-NET-1": [
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/eip:Eip",
    ]
}


def broken(stack: Stack, policy: str, kind: str, change: Break | None) -> list[Stack]:
    """`stack` with one resource of `kind` broken: once for each of them, since a policy may spare some."""
    made = []
    for index, resource in enumerate(stack.resources):
        if resource.kind != kind:
            continue
        inputs = {
            key: copy.deepcopy(value) if isinstance(value, (dict, list)) else value
            for key, value in resource.inputs.items()
        }
        try:
            if change:
                change(inputs)
        except (KeyError, TypeError):
            continue  # this one has not what would be broken
        rest = [*stack.resources[:index], *stack.resources[index + 1 :]]
        if change:
            rest.append(Resource(kind=kind, name=resource.name, inputs=inputs))
        made.append(Stack(resources=tuple(rest)))
    assert made, f"{policy}: no {kind} to break"
    return made


@pytest.mark.parametrize("office", OFFICES)
def test_every_office_keeps_every_policy(offices: dict[str, Stack], office: str) -> None:
    """A finding here blocks the office's next preview."""
    assert [(each.policy.id, each.resource.name, each.message) for each in judge(offices[office])] == []


@pytest.mark.parametrize(
    ("policy", "kind", "change"),
    [(policy, *each) for policy, breaks in BROKEN.items() for each in breaks],
    ids=[f"{policy}-{n}" for policy, breaks in BROKEN.items() for n, _ in enumerate(breaks)],
)
def test_what_breaks_a_policy_is_found_by_it_alone(
    offices: dict[str, Stack], policy: str, kind: str, change: Break | None
) -> None:
    """A policy that finds nothing guards nothing; one that finds its neighbour's faults is noise."""
    for stack in broken(offices["hq"], policy, kind, change):
        found = {each.policy.id for each in judge(stack)}
        assert found - RESIDENCY == {policy} - RESIDENCY
        assert policy in found


@pytest.mark.parametrize(("policy", "kind"), [(p, kind) for p, kinds in ADDED.items() for kind in kinds])
def test_what_must_not_be_there_is_found(offices: dict[str, Stack], policy: str, kind: str) -> None:
    """A NAT gateway is a way for sample data out of the region."""
    more = Stack(resources=(*offices["hq"].resources, Resource(kind=kind, name="new", inputs={})))
    assert [each.policy.id for each in judge(more) if each.policy.id not in RESIDENCY] == [policy]


def test_every_policy_has_an_id_of_its_own_a_reason_and_an_example() -> None:
    """A policy without a broken example may have stopped working unnoticed."""
    ids = [policy.id for policy in POLICIES]
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(BROKEN) | set(ADDED)
    assert all(policy.reason and policy.rule for policy in POLICIES)


# Inputs that name another resource by an id that AWS gives, and the type of that other.
LINKS = {
    "bucket": "aws:s3/bucket:Bucket",
    "vpcId": "aws:ec2/vpc:Vpc",
    "queueUrl": "aws:sqs/queue:Queue",
    "eventSourceArn": "aws:sqs/queue:Queue",
    "eventBusName": "aws:cloudwatch/eventBus:EventBus",
    "rule": "aws:cloudwatch/eventRule:EventRule",
}


def preview_of(stack: Stack, *, ids: str) -> dict[str, Any]:
    """The engine's preview of a stack: the ids that AWS gives are unknown at first, later as it gave them.

    Either way the engine says which resource each of them comes from.
    """
    owners: dict[tuple[str, Any], str] = {}
    for each in stack.resources:
        for value in (each.inputs.get("name"), each.inputs.get("bucket"), each.name):
            owners[each.kind, value] = each.name
    steps = []
    for each in stack.resources:
        inputs, dependencies = dict(each.inputs), {}
        for key, kind in LINKS.items():
            value = inputs.get(key)
            owner = owners.get((kind, re.split("[/:]", str(value))[-1]))
            if owner and kind != each.kind:
                dependencies[key] = [f"urn:pulumi:eu::p::some:kind:Kind::{owner}"]
                inputs[key] = ids
        if ids == UNKNOWN and "policy" in inputs:
            inputs["policy"] = UNKNOWN
        state = {"custom": True, "inputs": inputs, "propertyDependencies": dependencies}
        op = "create" if ids == UNKNOWN else "same"
        steps.append({"op": op, "urn": f"urn:pulumi:eu::p::{each.kind}::{each.name}", "newState": state})
    return {"steps": steps}


@pytest.mark.parametrize("ids", [UNKNOWN, "id-0a1b2c3d"])
@pytest.mark.parametrize("office", OFFICES)
def test_a_preview_is_judged_like_the_program(offices: dict[str, Stack], office: str, ids: str) -> None:
    """AWS's ids are no names, and in a new office not even known: it must not be refused for that."""
    judged = judge(of_preview(preview_of(offices[office], ids=ids)))
    assert [(each.policy.id, each.resource.name) for each in judged] == []


def test_what_a_preview_deletes_is_not_judged_and_what_it_lacks_is(offices: dict[str, Stack]) -> None:
    """The public access block that a pull request takes away must be missed."""
    preview = preview_of(offices["eu"], ids=UNKNOWN)
    for each in preview["steps"]:
        if "BucketPublicAccessBlock" in each["urn"]:
            each["op"], each["oldState"] = "delete", each.pop("newState")
    assert {each.policy.id for each in judge(of_preview(preview))} == {"GBI-S3-1"}
