"""What the deployer can make: one small entry for each type of resource, by service."""

from twin.resources import (
    batch,
    budgets,
    cloudwatch,
    dynamodb,
    ec2,
    ecr,
    events,
    iam,
    kms,
    lambda_,
    logs,
    s3,
    sns,
    sqs,
)
from twin.resources.kind import Kind

KINDS: dict[str, Kind] = {
    kind.type: kind
    for service in (
        batch,
        budgets,
        cloudwatch,
        dynamodb,
        ec2,
        ecr,
        events,
        iam,
        kms,
        lambda_,
        logs,
        s3,
        sns,
        sqs,
    )
    for kind in service.KINDS
}
