"""Names: every physical name is `globalbi-<office>-…`, never longer than AWS allows.

A name that would be too long keeps its start and ends in a hash of the whole, so that two long names stay
apart and the same name is always shortened the same way.
"""

import hashlib

PREFIX = "globalbi"
HASH_LENGTH = 8

# AWS's limits for the names this project gives.
ROLE_LIMIT = 64
FUNCTION_LIMIT = 64
RULE_LIMIT = 64
QUEUE_LIMIT = 80
BUCKET_LIMIT = 63
JOB_LIMIT = 128


def shortened(name: str, limit: int) -> str:
    """`name` itself when it fits into `limit` characters, else its start and a hash of all of it."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_LENGTH]
    return f"{name[: limit - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def physical(office: str, *parts: str, limit: int = ROLE_LIMIT) -> str:
    """`globalbi-<office>-<parts…>`, at most `limit` characters."""
    return shortened("-".join((PREFIX, office, *parts)), limit)


def bucket_name(office: str, role: str, account: str) -> str:
    """`globalbi-<office>-<role>-<account>`: the account makes it unique among all buckets of the world."""
    return physical(office, role, account, limit=BUCKET_LIMIT)


def repository_name(pipeline: str) -> str:
    """The ECR repository of a pipeline, the same in every office."""
    return f"{PREFIX}/{pipeline}"


def registry_host(account: str, region: str) -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


def image_address(account: str, region: str, pipeline: str, digest: str) -> str:
    """An image by digest: what runs is what was promoted, and whoever fetches it checks that."""
    return f"{registry_host(account, region)}/{repository_name(pipeline)}@{digest}"


def job_definition_name(office: str, pipeline: str) -> str:
    return physical(office, pipeline, limit=JOB_LIMIT)


def boundary_name(office: str) -> str:
    """The policy that bounds every role of the program in an office; the bootstrap makes it."""
    return physical(office, "boundary")


def boundary_arn(office: str, account: str) -> str:
    return f"arn:aws:iam::{account}:policy/{boundary_name(office)}"


def key_alias(office: str) -> str:
    return f"alias/{PREFIX}-{office}"


def secrets_alias(office: str) -> str:
    """Of the key that encrypts the secrets in the office's stack file and state; the bootstrap makes it."""
    return f"alias/{physical(office, 'pulumi')}"


def passport_key_alias(office: str) -> str:
    return f"{key_alias(office)}-passports"


def erasure_role(office: str) -> str:
    """The role that erases samples, the only one that deletes versions."""
    return physical(office, "erasure")


def replication_role_arn(headquarters_account: str) -> str:
    """The role by which S3 copies references out of headquarters' bucket."""
    return f"arn:aws:iam::{headquarters_account}:role/{REPLICATION_ROLE}"


def fleet_bus_arn(headquarters_account: str, headquarters_region: str) -> str:
    return f"arn:aws:events:{headquarters_region}:{headquarters_account}:event-bus/{FLEET}"


def rule_arn(account: str, region: str, rule: str, bus: str | None = None) -> str:
    """The ARN of an EventBridge rule; on a bus of one's own it carries the bus's name."""
    return f"arn:aws:events:{region}:{account}:rule/{f'{bus}/' if bus else ''}{rule}"


# Headquarters' own resources carry no office: every office finds them by name.
FLEET = f"{PREFIX}-fleet"
REPLICATION_ROLE = f"{PREFIX}-references-replication"
