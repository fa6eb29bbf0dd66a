"""Permissions: who may take the roles, what each may do, and what neither may ever do.

The preview role reads settings, never samples. The deploy role makes what the program declares, in the
office's region, and neither reads samples nor changes what the bootstrap made. Its boundary says the same
once more, for whatever may one day be attached to it.
"""

from collections.abc import Mapping
from typing import Any

from bootstrap import names
from components.names import (
    FLEET,
    PREFIX,
    boundary_arn,
    bucket_name,
    erasure_role,
    key_alias,
    repository_name,
)
from components.office import Office
from cost.replay import ATTRIBUTES

Document = dict[str, Any]
Statement = dict[str, Any]

# All that the program's roles ask for; none may ever do more. What a handler newly asks for is added here,
# and the bootstrap applied before the office.
WORK = (
    *("batch:DescribeJobs", "batch:ListJobs", "batch:SubmitJob", "batch:TagResource", "batch:TerminateJob"),
    *("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem"),
    *("dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem", "ecr:BatchCheckLayerAvailability"),
    *("ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "events:PutEvents"),
    *("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GetPublicKey", "kms:Sign"),
    *("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
    *("s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionAcl"),
    *("s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging", "s3:GetReplicationConfiguration"),
    *("s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts"),
    *("s3:ObjectOwnerOverrideToBucketOwner", "s3:PutObject", "s3:ReplicateDelete", "s3:ReplicateObject"),
    *("s3:ReplicateTags", "sns:Publish", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("sqs:ReceiveMessage", "ssm:GetParameter", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    # The container agent's, by AWS's own policy.
    *("ec2:DescribeTags", "ecs:DeregisterContainerInstance", "ecs:DiscoverPollEndpoint", "ecs:Poll"),
    *("ecs:RegisterContainerInstance", "ecs:StartTelemetrySession", "ecs:Submit*", "ecs:TagResource"),
    *("ecs:UpdateContainerInstancesState",),
)
# What one of them alone may ever do: the role that erases.
ERASING = ("dynamodb:DeleteItem", "s3:DeleteObjectVersion")
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
# AWS's own policies that the program attaches (policies/access.py knows the same).
ATTACHABLE = ("arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",)
SERVICES = (
    *("batch", "cloudwatch", "dynamodb", "ec2", "ecr", "events", "kms", "lambda"),
    *("logs", "s3", "sns", "sqs", "tag"),
)
# To whom the program's roles are given.
PASSED_TO = tuple(
    f"{service}.amazonaws.com"
    for service in ("batch", "ec2", "ecs-tasks", "events", "lambda", "s3", "scheduler", "vpc-flow-logs")
)
LINKED_ROLES = tuple(
    f"{service}.amazonaws.com" for service in ("batch", "ecs", "spot", "ec2", "replication.ecr")
)
READ_OBJECTS = ("s3:GetObject*", "s3:RestoreObject")
CHANGE_OBJECTS = ("s3:PutObject*", "s3:DeleteObject*", "s3:ReplicateObject", "s3:ReplicateDelete")
READ_DATA = (
    *("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:Query", "dynamodb:Scan"),
    *("dynamodb:PartiQLSelect", "sqs:ReceiveMessage", "batch:DescribeJobs", "batch:ListJobs"),
    *("logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:GetQueryResults"),
    *("logs:StartLiveTail", "logs:StartQuery", "secretsmanager:GetSecretValue", "ssm:GetParameter*"),
)
# What makes a role, or gives it rights. IAM tells of each the boundary that the role has, or is to have.
BOUNDED = ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
CHANGE_DATA = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "batch:SubmitJob"),
    *("lambda:InvokeFunction", "sqs:SendMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"),
)
# Ways out of an office's network, and instances that nobody declared.
WAYS_OUT = (
    *("ec2:AllocateAddress", "ec2:AttachInternetGateway", "ec2:CreateEgressOnlyInternetGateway"),
    *("ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateVpcPeeringConnection"),
    *("ec2:CreateVpnGateway", "ec2:RunInstances", "lambda:CreateFunctionUrlConfig"),
)


def document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: tuple[str, ...], resources: Any, **condition: Mapping[str, Any]) -> Statement:
    return _statement("Allow", sid, actions, {"Resource": resources}, condition)


def deny(sid: str, actions: tuple[str, ...], resources: Any, **condition: Mapping[str, Any]) -> Statement:
    return _statement("Deny", sid, actions, {"Resource": resources}, condition)


def _statement(
    effect: str, sid: str, actions: tuple[str, ...], where: Statement, condition: Mapping[str, Any]
) -> Statement:
    made = {"Sid": sid, "Effect": effect, "Action": list(actions), **where}
    return {**made, "Condition": dict(condition)} if condition else made


def trust(office: Office, subject: str, environment: str) -> Document:
    """A role's trust in this repository's jobs of one environment, and in nobody else's.

    `subject` starts what GitHub's token says of the repository, by ids that nobody can take over.
    """
    claims = {
        f"{names.ISSUER}:aud": names.AUDIENCE,
        f"{names.ISSUER}:sub": f"{subject}:environment:{environment}",
    }
    return document(
        {
            "Sid": "JobsOfThisEnvironment",
            "Effect": "Allow",
            "Principal": {"Federated": names.provider_arn(office)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": claims},
        }
    )


def _state(office: Office) -> list[str]:
    bucket = f"arn:aws:s3:::{names.state_bucket(office)}"
    return [bucket, f"{bucket}/*"]


def _audit(office: Office) -> list[str]:
    bucket = f"arn:aws:s3:::{names.audit_bucket(office)}"
    return [bucket, f"{bucket}/*"]


def _repositories(office: Office) -> str:
    return f"arn:aws:ecr:{office.region}:{office.account}:repository/{repository_name('*')}"


def _keys(office: Office) -> str:
    return f"arn:aws:kms:{office.region}:{office.account}:key/*"


def _named(alias: str) -> dict[str, Any]:
    """A condition on the key's alias: its ARN is not known before it is made."""
    return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}


def _objects_elsewhere(office: Office, actions: tuple[str, ...]) -> Statement:
    """Nobody but the state bucket's own users touches objects through these roles."""
    return {
        "Sid": "NoObjectsButTheState",
        "Effect": "Deny",
        "Action": list(actions),
        "NotResource": _state(office)[1],
    }


def preview(office: Office) -> Document:
    """What the preview role may do beside reading settings; and the data it may not read."""
    services = ["lambda", "dynamodb"] if office.headquarters else ["lambda"]
    return document(
        allow("ReadState", ("s3:GetObject", "s3:ListBucket"), _state(office)),
        allow(
            "ReadSecretsOfTheState",
            ("kms:Decrypt", "kms:DescribeKey"),
            _keys(office),
            **_named(names.secrets_alias(office)),
        ),
        # Without it AWS hides a function's environment, and every preview with a refresh would see a change.
        allow(
            "ReadEnvironmentsOfFunctions",
            ("kms:Decrypt",),
            _keys(office),
            **_named(key_alias(office.name)),
            StringEquals={"kms:ViaService": [f"{each}.{office.region}.amazonaws.com" for each in services]},
        ),
        _objects_elsewhere(office, READ_OBJECTS),
        *(_figures_of_runs(office) if office.headquarters else [deny("NoData", READ_DATA, "*")]),
    )


def _figures_of_runs(headquarters: Office) -> list[Statement]:
    """Of all data only what past runs took, by headquarters' index, and no attribute that names a sample.

    A pull request's code runs with this role. Denied, as AWS's ReadOnlyAccess allows every query; the keys of
    table and index must be among the attributes, and hold ids of offices and runs.
    """
    query = "dynamodb:Query"
    index = f"arn:aws:dynamodb:{headquarters.region}:{headquarters.account}:table/{FLEET}/index/by_office"
    figures = [*ATTRIBUTES, "pk", "sk", "by_office"]
    return [
        allow("ReadFiguresOfRuns", (query,), index),
        deny("NoData", tuple(action for action in READ_DATA if action != query), "*"),
        {"Sid": "NoOtherQuery", "Effect": "Deny", "Action": [query], "NotResource": index},
        deny("NoWholeRuns", (query,), index, StringNotEquals={"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}),
        deny("NoNames", (query,), index, **{"ForAnyValue:StringNotEquals": {"dynamodb:Attributes": figures}}),
    ]


def deploy(office: Office) -> Document:
    """What the deploy role may do."""
    iam = f"arn:aws:iam::{office.account}"
    roles, profiles = f"{iam}:role/{PREFIX}-*", f"{iam}:instance-profile/{PREFIX}-*"
    return document(
        allow(
            "WhatTheProgramDeclares",
            tuple(f"{service}:*" for service in SERVICES),
            "*",
            StringEquals={"aws:RequestedRegion": office.region},
        ),
        allow("Budget", ("budgets:*",), f"arn:aws:budgets::{office.account}:budget/{PREFIX}-*"),
        allow("WhoAmI", ("sts:GetCallerIdentity",), "*"),
        allow(
            "RolesOfTheProgram",
            (
                *BOUNDED,
                *("iam:DeleteRole", "iam:GetRole", "iam:TagRole", "iam:UntagRole"),
                *("iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:ListRolePolicies"),
                *("iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRoleTags"),
                *("iam:GetRolePolicy", "iam:DeleteRolePolicy"),
                *("iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", "iam:GetInstanceProfile"),
                *("iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile"),
                *("iam:TagInstanceProfile", "iam:UntagInstanceProfile", "iam:ListInstanceProfileTags"),
            ),
            [roles, profiles],
        ),
        allow(
            "AttachKnownPolicies",
            ("iam:AttachRolePolicy", "iam:DetachRolePolicy"),
            roles,
            ArnEquals={"iam:PolicyARN": list(ATTACHABLE)},
        ),
        allow(
            "GiveRolesToServices",
            ("iam:PassRole",),
            roles,
            StringEquals={"iam:PassedToService": list(PASSED_TO)},
        ),
        allow(
            "RolesOfServices",
            ("iam:CreateServiceLinkedRole",),
            f"{iam}:role/aws-service-role/*",
            StringEquals={"iam:AWSServiceName": list(LINKED_ROLES)},
        ),
        *_never(office),
    )


def boundary(office: Office) -> Document:
    """The most that the deploy role can ever do, whatever is attached to it."""
    allowed = tuple(f"{service}:*" for service in (*SERVICES, "budgets", "iam", "sts"))
    return document(allow("AtMost", allowed, "*"), *_never(office))


def work(office: Office) -> Document:
    """The most that a role of the program can ever do, whatever is attached to it."""
    return document(
        allow("AtMost", WORK, "*"),
        allow(
            "ErasureErases",
            ERASING,
            "*",
            ArnEquals={"aws:PrincipalArn": f"arn:aws:iam::{office.account}:role/{erasure_role(office.name)}"},
        ),
        deny("NothingOfTheBootstrap", ("s3:*",), [*_state(office), *_audit(office)]),
        deny("NorItsKey", ("kms:*",), _keys(office), **_named(names.secrets_alias(office))),
    )


def _never(office: Office) -> list[Statement]:
    iam = f"arn:aws:iam::{office.account}"
    return [
        _objects_elsewhere(office, (*READ_OBJECTS, *CHANGE_OBJECTS)),
        deny("NoData", (*READ_DATA, *CHANGE_DATA), "*"),
        deny("NoWayOut", WAYS_OUT, "*"),
        deny(
            "NoChangeOfItself",
            ("iam:*",),
            [
                f"{iam}:role/{PREFIX}-*-github-*",
                f"{iam}:role/{PREFIX}-*-break-glass",
                f"{iam}:policy/{PREFIX}-*",
                f"{iam}:oidc-provider/*",
                f"{iam}:user/*",
                f"{iam}:group/*",
            ],
        ),
        # Without its boundary a role has whatever is attached to it.
        deny("BoundariesStay", ("iam:DeleteRolePermissionsBoundary",), "*"),
        deny(
            "OnlyWithinTheirBoundary",
            (*BOUNDED, "iam:AttachRolePolicy"),
            "*",
            StringNotEquals={"iam:PermissionsBoundary": boundary_arn(office.name, office.account)},
        ),
        deny(
            "StateAndAuditStay",
            (
                *("s3:DeleteBucket*", "s3:PutBucket*", "s3:PutLifecycleConfiguration"),
                *("s3:PutEncryptionConfiguration", "s3:DeleteObjectVersion"),
                *("s3:BypassGovernanceRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"),
            ),
            [*_state(office), *_audit(office)],
        ),
        deny(
            "KeyOfTheStateStays",
            ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"),
            _keys(office),
            **_named(names.secrets_alias(office)),
        ),
        deny("NoOtherName", ("kms:*Alias",), f"arn:aws:kms:*:*:{names.secrets_alias(office)}"),
    ]


def images(headquarters: Office) -> Document:
    """What pushes images may do: nothing but that, in headquarters' registry."""
    return document(
        # ECR: the token is the registry's, not a repository's, and knows no resource but "*".
        allow("SignIn", ("ecr:GetAuthorizationToken",), "*"),
        allow(
            "Push",
            (
                *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload"),
                *("ecr:DescribeImages", "ecr:DescribeImageScanFindings", "ecr:GetDownloadUrlForLayer"),
                *("ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"),
            ),
            _repositories(headquarters),
        ),
    )


def promote(office: Office) -> Document:
    """What asks the gates may do: see whether image and references are there; at HQ also run the canary."""
    bucket = f"arn:aws:s3:::{bucket_name(office.name, 'references', office.account)}"
    hq = office.headquarters
    services = [f"{each}.{office.region}.amazonaws.com" for each in (("s3", "dynamodb") if hq else ("s3",))]
    statements = [
        allow("SeeImages", ("ecr:DescribeImages",), _repositories(office)),
        # Without the right to list, S3 says "forbidden" of what is not there.
        allow("SeeReferences", ("s3:ListBucket",), bucket),
        allow("ReadReferences", ("s3:GetObject",), f"{bucket}/*" if hq else f"{bucket}/*/SHA256SUMS"),
        allow(
            "ReadWhatIsEncrypted",
            ("kms:Decrypt",),
            _keys(office),
            **_named(key_alias(office.name)),
            StringEquals={"kms:ViaService": services},
        ),
    ]
    if hq:
        table = f"arn:aws:dynamodb:{office.region}:{office.account}:table/{FLEET}"
        statements += [
            allow("ReadRuns", ("dynamodb:Query",), [table, f"{table}/index/*"]),
            allow(
                "KeepCanaries",
                ("dynamodb:PutItem",),
                table,
                **{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["canary#*"]}},
            ),
            allow("SignIn", ("ecr:GetAuthorizationToken",), "*"),
            allow(
                "Pull",
                ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
                _repositories(office),
            ),
        ]
    return document(*statements)


def _closed(resources: list[str], office: Office) -> list[Statement]:
    """What every bucket of the bootstrap refuses."""
    return [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": resources,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "HistoryStays",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteBucket", "s3:DeleteObjectVersion"],
            "Resource": resources,
        },
        {
            "Sid": "ThisAccountOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": resources,
            "Condition": {
                "StringNotEquals": {"aws:PrincipalAccount": office.account},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        },
    ]


def state_policy(office: Office) -> Document:
    """The state bucket's own policy."""
    return document(*_closed(_state(office), office))


def audit_policy(office: Office) -> Document:
    """The audit bucket's own: the office's trail writes, nobody takes away.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    bucket, objects = _audit(office)
    own = {"aws:SourceArn": names.trail_arn(office)}
    by_cloudtrail = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    return document(
        *_closed([bucket, objects], office),
        {
            "Sid": "CloudTrailLooks",
            **by_cloudtrail,
            "Action": "s3:GetBucketAcl",
            "Resource": bucket,
            "Condition": {"StringEquals": own},
        },
        {
            "Sid": "CloudTrailWrites",
            **by_cloudtrail,
            "Action": "s3:PutObject",
            "Resource": f"{bucket}/AWSLogs/{office.account}/*",
            "Condition": {"StringEquals": {**own, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    )


def key_policy(office: Office) -> Document:
    """The account's own IAM policies decide who uses the key; CloudTrail encrypts with it, too."""
    return document(
        {
            "Sid": "IamOfTheAccountDecides",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{office.account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html
        {
            "Sid": "CloudTrailEncryptsTheAudit",
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceArn": names.trail_arn(office)}},
        },
    )
