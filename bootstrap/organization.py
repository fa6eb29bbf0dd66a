"""A service control policy for each office's account: what nobody there may do, not even its administrators.

AWS Organizations attaches it, in the management account, beside FullAWSAccess. It binds everybody in the
account but the service-linked roles; who may do what is still said by the account's own policies.
"""

from bootstrap import names
from bootstrap.permissions import WAYS_OUT, Document, Statement, deny, document
from components.names import PREFIX, boundary_arn
from components.office import Office
from components.roster import Fleet

# AWS: a service control policy, without spaces.
MOST_CHARACTERS = 5120
# Services without a region, or whose home is us-east-1.
EVERYWHERE = (
    *("budgets:*", "ce:*", "health:*", "iam:*", "organizations:*", "sts:*", "support:*"),
    *("s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets"),
)
AUDIT = (
    *("access-analyzer:DeleteAnalyzer", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors"),
    *("cloudtrail:StopLogging", "cloudtrail:UpdateTrail", "config:DeleteConfigurationRecorder"),
    *("config:StopConfigurationRecorder", "guardduty:DeleteDetector", "guardduty:UpdateDetector"),
)
# What opens a bucket, or takes the way back from its versions.
BUCKET_SETTINGS = (
    *("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketOwnershipControls"),
    *("s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning"),
    *("s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration"),
)
SHARING = (
    *("ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute", "dynamodb:PutResourcePolicy"),
    *("ram:CreateResourceShare", "dynamodb:ExportTableToPointInTime"),
)


def service_control_policy(office: Office, fleet: Fleet) -> Document:
    """What nobody in the office's account may do. Settings of buckets and keys change by deploys alone, and
    in an emergency by the break-glass role, which the account's own people make and watch.
    """
    deploy = names.role_arn(office, names.deploy_role(office))
    glass = names.role_arn(office, names.break_glass(office))
    erasure = names.role_arn(office, names.erasure(office))
    buckets = [f"arn:aws:s3:::{PREFIX}-*"]
    # S3 replicates in headquarters' name into every office's region.
    regions = [each.region for each in fleet.offices] if office.headquarters else [office.region]
    return document(
        {
            "Sid": "NoOtherRegion",
            "Effect": "Deny",
            "NotAction": list(EVERYWHERE),
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": sorted(regions)}},
        },
        deny("NoRootUser", ("*",), "*", ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:root"}),
        deny("StaysInTheOrganization", ("organizations:LeaveOrganization",), "*"),
        deny("NoStandingKeys", ("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateUser"), "*"),
        deny("AuditStays", AUDIT, "*"),
        deny("NoWayOut", WAYS_OUT, "*"),
        deny("NothingIsShared", SHARING, "*"),
        _but(deploy, glass, deny("BucketsStayClosed", BUCKET_SETTINGS, buckets)),
        deny("AccountStaysClosed", ("s3:PutAccountPublicAccessBlock",), "*"),
        _but(
            glass,
            erasure,
            deny(
                "VersionsStay", ("s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"), f"{buckets[0]}/*"
            ),
        ),
        _but(deploy, glass, deny("KeysStay", ("kms:PutKeyPolicy",), "*")),
        deny("KeysAreNotLost", ("kms:DisableKey", "kms:DisableKeyRotation", "kms:ScheduleKeyDeletion"), "*"),
        _but(
            glass,
            deny(
                "FencesStay",
                ("iam:*Boundary", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"),
                names.role_arn(office, f"{PREFIX}-*-github-*"),
            ),
        ),
        # What it may do, and who may take it, changes by deploys alone.
        _but(
            deploy,
            glass,
            deny(
                "ErasureStays",
                ("iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"),
                erasure,
            ),
        ),
        _but(
            glass,
            deny(
                "BoundariesStay",
                ("iam:CreatePolicyVersion", "iam:DeletePolicy*", "iam:SetDefaultPolicyVersion"),
                [
                    f"arn:aws:iam::{office.account}:policy/{names.boundary(office)}",
                    boundary_arn(office.name, office.account),
                ],
            ),
        ),
    )


def _but(*who_and_statement: str | Statement) -> Statement:
    """The statement, for everybody but the roles that are named before it."""
    *who, statement = who_and_statement
    assert isinstance(statement, dict)
    return {**statement, "Condition": {"ArnNotLike": {"aws:PrincipalArn": list(who)}}}
