"""What a stack declares, as a Terraform plan: the form that scanners of other projects read.

pulumi-aws is made from Terraform's provider, so each resource and each field has one there: names are written
with underscores, a block that Pulumi flattens is a list of one, and a list of blocks has the block's name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.declared import UNKNOWN, Resource, Stack

PROVIDER = "registry.terraform.io/hashicorp/aws"
# What stands before a resource's own name, where it is not `aws_<module>_`.
PREFIXES = {"ec2": "aws_"}
# Fields whose mapping has keys of one's own, and is no block.
MAPS = frozenset(("dimensions", "labels", "parameters", "tags", "variables"))
# Lists of blocks, by Terraform's name of the block.
BLOCKS = {
    "attributes": "attribute",
    "blockDeviceMappings": "block_device_mappings",
    "computeEnvironmentOrders": "compute_environment_order",
    "destinations": "destination",
    "ec2Configurations": "ec2_configuration",
    "encryptionConfigurations": "encryption_configuration",
    "globalSecondaryIndexes": "global_secondary_index",
    "jobStateTimeLimitActions": "job_state_time_limit_action",
    "keySchemas": "key_schema",
    "notifications": "notification",
    "repositoryFilters": "repository_filter",
    "rules": "rule",
}
# The input by which others name a resource of AWS, where it is not `name`.
CALLED = {"aws:s3/bucket:Bucket": "bucket"}


class NotKnown(Exception):
    """A field whose form in Terraform nobody has written down; the words say where."""


def terraform_type(kind: str) -> str:
    """`aws:s3/bucketPolicy:BucketPolicy` is `aws_s3_bucket_policy`."""
    module, _, name = kind.rpartition(":")[0].removeprefix("aws:").partition("/")
    return PREFIXES.get(module, f"aws_{module}_") + snake(name)


def snake(name: str) -> str:
    """`maxReceiveCount` is `max_receive_count`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def plan(stack: Stack) -> dict[str, Any]:
    """https://developer.hashicorp.com/terraform/internals/json-format. Raises `NotKnown`."""
    own = [each for each in stack.resources if each.kind.startswith("aws:")]
    called: dict[str, str] = {}
    for each in own:  # a role comes before its policies, which may have its name
        for name in (each.name, each.inputs.get(CALLED.get(each.kind, "name"))):
            if isinstance(name, str):
                called.setdefault(name, _address(each))
    planned = [_planned(each) for each in own]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": [
            each
            | {
                "change": {
                    "actions": ["create"],
                    "before": None,
                    "after": each["values"],
                    "after_unknown": {},
                }
            }
            for each in planned
        ],
        "configuration": {
            "provider_config": {"aws": {"name": "aws", "full_name": PROVIDER}},
            "root_module": {"resources": [_configured(each, called) for each in own]},
        },
    }


def _address(resource: Resource) -> str:
    return f"{terraform_type(resource.kind)}.{resource.name}"


def _planned(resource: Resource) -> dict[str, Any]:
    return {
        "address": _address(resource),
        "mode": "managed",
        "type": terraform_type(resource.kind),
        "name": resource.name,
        "provider_name": PROVIDER,
        "values": _block(resource.inputs, resource.name),
    }


def _configured(resource: Resource, called: Mapping[str, str]) -> dict[str, Any]:
    """With the references between resources: which bucket a policy is for, say."""
    expressions = {}
    for key, value in resource.inputs.items():
        names = {*_strings(value), *resource.after.get(key, ())}
        found = sorted({called[name] for name in names if name in called} - {_address(resource)})
        if found:
            references = [word for one in found for word in (f"{one}.id", one)]
            expressions[snake(key)] = {"references": references}
    return {
        "address": _address(resource),
        "mode": "managed",
        "type": terraform_type(resource.kind),
        "name": resource.name,
        "provider_config_key": "aws",
        "expressions": expressions,
        "schema_version": 0,
    }


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _strings(each)


def _block(inputs: Mapping[str, Any], place: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in inputs.items():
        here = f"{place}.{key}"
        if isinstance(value, Mapping):
            made[snake(key)] = dict(value) if key in MAPS else [_block(value, here)]
        elif isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
            if key not in BLOCKS:
                raise NotKnown(
                    f"{here}: a list of blocks; write Terraform's name of it into BLOCKS in {__name__}"
                )
            made[BLOCKS[key]] = [_block(each, here) for each in value]
        elif isinstance(value, (str, int, float, bool, list, tuple)) and value != UNKNOWN:
            made[snake(key)] = value
        else:
            made[snake(key)] = None  # not known yet, or a file
    return made
