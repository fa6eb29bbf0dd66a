"""Policies on what holds data: buckets, tables, registries, keys, logs."""

from collections.abc import Callable, Iterator
from typing import Any

from policies.declared import Resource, Stack, unknown
from policies.policy import Check, Policy, each

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"
REPOSITORY = "aws:ecr/repository:Repository"
KEY = "aws:kms/key:Key"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
SHORTEST_LOG_DAYS, SHORTEST_WINDOW_DAYS = 30, 30


def bucket_with(kind: str, must: Callable[[Resource], bool], message: str) -> Check:
    """A rule on a part of a bucket that Pulumi declares as a resource of its own."""

    def check(stack: Stack) -> Iterator[tuple[Resource, str]]:
        for bucket in stack.of(BUCKET):
            parts = stack.beside(bucket, kind, "bucket", "bucket")
            if not parts or not all(must(part) for part in parts):
                yield bucket, message

    return check


def _encrypts(part: Resource) -> bool:
    default = part.at("rules", 0, "applyServerSideEncryptionByDefault")
    return bool(default) and default.get("sseAlgorithm") == "aws:kms" and bool(default.get("kmsMasterKeyId"))


def refuses_plain_http(part: Resource) -> bool:
    """Whether a resource's policy denies everybody without TLS; also when it is not known yet."""
    return unknown(part.inputs.get("policy")) or any(
        statement.get("Effect") == "Deny"
        and statement.get("Principal") == "*"
        and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
        for statement in part.document("policy").get("Statement", ())
    )


def _aborts(part: Resource) -> bool:
    rules: list[Any] = part.at("rules") or []
    return any(rule.get("abortIncompleteMultipartUpload") for rule in rules)


def _references_only(part: Resource) -> bool:
    bucket = part.inputs.get("bucket")
    sources = {str(bucket), *part.after.get("bucket", ())}
    return any("-references" in source for source in sources)


POLICIES = (
    Policy(
        id="GBI-S3-1",
        rule="A bucket blocks all public access.",
        reason="Samples are people's data: one wrong statement must not open them to the world.",
        controls=("S3.2", "S3.3", "S3.8", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
        check=bucket_with(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            lambda part: all(part.inputs.get(block) is True for block in BLOCKS),
            f"needs a BucketPublicAccessBlock with {', '.join(BLOCKS)} all true",
        ),
    ),
    Policy(
        id="GBI-S3-2",
        rule="A bucket keeps versions.",
        reason="A run is of one version of an upload; and what was overwritten can be brought back.",
        controls=("S3.14", "CKV_AWS_21"),
        check=bucket_with(
            "aws:s3/bucketVersioning:BucketVersioning",
            lambda part: part.at("versioningConfiguration", "status") == "Enabled",
            "needs a BucketVersioning that is Enabled",
        ),
    ),
    Policy(
        id="GBI-S3-3",
        rule="A bucket is encrypted with a key of our own.",
        reason="Who may use the key is then ours to say, and is written down in CloudTrail.",
        controls=("S3.17", "CKV_AWS_145"),
        check=bucket_with(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            _encrypts,
            "needs encryption by aws:kms with the office's key",
        ),
    ),
    Policy(
        id="GBI-S3-4",
        rule="A bucket refuses plain HTTP.",
        reason="Samples cross no network in clear.",
        controls=("S3.5", "CKV_AWS_379"),
        check=bucket_with(
            "aws:s3/bucketPolicy:BucketPolicy",
            refuses_plain_http,
            "needs a policy that denies everything when aws:SecureTransport is false",
        ),
    ),
    Policy(
        id="GBI-S3-5",
        rule="A bucket forgets uploads that were broken off.",
        reason="Their parts are invisible and cost as much as samples.",
        controls=("S3.13", "CKV_AWS_300"),
        check=bucket_with(
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            _aborts,
            "needs a lifecycle rule with abortIncompleteMultipartUpload",
        ),
    ),
    Policy(
        id="GBI-S3-6",
        rule="A bucket's objects belong to its owner, and access lists are off.",
        reason="Who uploads from another account would else own the sample in our bucket.",
        controls=("S3.12",),
        check=bucket_with(
            "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
            lambda part: part.at("rule", "objectOwnership") == "BucketOwnerEnforced",
            "needs BucketOwnershipControls with BucketOwnerEnforced",
        ),
    ),
    Policy(
        id="GBI-S3-7",
        rule="Only references leave their region by replication.",
        reason="Sample data stays in its office's region: it is what the offices were promised.",
        check=each(
            REPLICATION,
            must=_references_only,
            message="replicates a bucket other than references: uploads and results stay in their region",
        ),
    ),
    Policy(
        id="GBI-DDB-1",
        rule="A table can be restored to any second and is not deleted by mistake.",
        reason="The ledger is the only memory of what was run.",
        controls=("DynamoDB.2", "DynamoDB.6", "CKV_AWS_28"),
        check=each(
            TABLE,
            must=lambda table: (
                table.at("pointInTimeRecovery", "enabled") is True
                and table.inputs.get("deletionProtectionEnabled") is True
            ),
            message="needs pointInTimeRecovery.enabled and deletionProtectionEnabled",
        ),
    ),
    Policy(
        id="GBI-DDB-2",
        rule="A table is encrypted with a key of our own.",
        reason="It holds the names of samples and projects.",
        controls=("CKV_AWS_119",),
        check=each(
            TABLE,
            must=lambda table: bool(table.at("serverSideEncryption", "kmsKeyArn")),
            message="needs serverSideEncryption with kmsKeyArn",
        ),
    ),
    Policy(
        id="GBI-ECR-1",
        rule="Images are scanned when pushed, their tags do not move, and our key encrypts them.",
        reason="What was tried in the canary is what runs everywhere.",
        controls=("ECR.1", "ECR.2", "CKV_AWS_51", "CKV_AWS_136", "CKV_AWS_163"),
        check=each(
            REPOSITORY,
            must=lambda each_: (
                each_.at("imageScanningConfiguration", "scanOnPush") is True
                and each_.inputs.get("imageTagMutability") == "IMMUTABLE"
                and each_.at("encryptionConfigurations", 0, "encryptionType") == "KMS"
            ),
            message="needs scanOnPush, IMMUTABLE tags and encryptionType KMS",
        ),
    ),
    Policy(
        id="GBI-KMS-1",
        rule="A key that encrypts turns over every year, and every key takes a month to be deleted.",
        reason="With the key, all that it encrypted is gone.",
        controls=("KMS.3", "KMS.4", "CKV_AWS_7"),
        check=each(
            KEY,
            must=lambda key: (
                # AWS: a key that signs cannot turn over.
                (key.inputs.get("enableKeyRotation") is True or key.inputs.get("keyUsage") == "SIGN_VERIFY")
                and key.inputs.get("deletionWindowInDays", 30) >= SHORTEST_WINDOW_DAYS
            ),
            message=f"needs enableKeyRotation, and deletionWindowInDays of {SHORTEST_WINDOW_DAYS}",
        ),
    ),
    Policy(
        id="GBI-LOG-1",
        rule="Logs are encrypted with our key and kept for a while, not for ever.",
        reason="Logs name samples; and what happened last month must still be found.",
        controls=("CKV_AWS_158", "CKV_AWS_66"),
        check=each(
            LOGS,
            must=lambda logs: (
                bool(logs.inputs.get("kmsKeyId"))
                and (logs.inputs.get("retentionInDays") or 0) >= SHORTEST_LOG_DAYS
            ),
            message=f"needs kmsKeyId and retentionInDays of at least {SHORTEST_LOG_DAYS}",
        ),
    ),
)
