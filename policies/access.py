"""Policies on who may do what, and on the ways in and out: roles, resource policies, networks, tags."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.names import boundary_name
from policies.declared import Resource, Stack, unknown
from policies.policy import Policy, each

ROLE = "aws:iam/role:Role"
ROLE_POLICY, ATTACHMENT = (
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
)
# Actions for which AWS knows no resource but "*".
WITHOUT_RESOURCE = frozenset(
    {
        "ecr:GetAuthorizationToken",
        "batch:ListJobs",
        "batch:DescribeJobs",
        "cloudwatch:PutMetricData",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }
)
# AWS's own policies that may be attached: what they allow is written by somebody else.
ATTACHABLE = frozenset({"arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"})
# What leads out of a network, or in.
GATES = (
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/eip:Eip",
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    "aws:lambda/functionUrl:FunctionUrl",
)
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
RULES = (
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
)
# As components/names.py names it.
BOUNDARY = re.compile(rf"arn:aws:iam::\d{{12}}:policy/{boundary_name('[a-z][a-z0-9]{1,11}')}")
EVERYWHERE = ("0.0.0.0/0", "::/0")
TAGS = ("globalbi:office", "globalbi:component", "globalbi:managed-by")


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def entries(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list. One that only AWS will know has none yet."""
    return [each for each in listed(value) if isinstance(each, Mapping)]


def statements(resource: Resource, *keys: str) -> Iterator[Mapping[str, Any]]:
    for key in keys or ("policy", "assumeRolePolicy"):
        yield from listed(resource.document(key).get("Statement"))


def _wildcard_actions(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for resource in stack.of(ROLE_POLICY):
        for statement in statements(resource, "policy"):
            actions = listed(statement.get("Action"))
            if statement.get("Effect") == "Allow" and ("NotAction" in statement or _starred(actions)):
                yield resource, f"must name each action, not {', '.join(_starred(actions)) or 'NotAction'}"


def _starred(values: list[Any]) -> list[str]:
    return [str(value) for value in values if "*" in str(value)]


def _wildcard_resources(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for resource in stack.of(ROLE_POLICY):
        for statement in statements(resource, "policy"):
            wide = "*" in listed(statement.get("Resource")) or "NotResource" in statement
            stray = set(listed(statement.get("Action"))) - WITHOUT_RESOURCE
            if statement.get("Effect") == "Allow" and wide and stray:
                yield resource, f"must name the resources of {', '.join(sorted(map(str, stray)))}, not *"


def _open_to_everybody(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for resource in stack.resources:
        if resource.kind == ENDPOINT:
            continue  # an endpoint's policy allows nothing by itself; whom it lets through is GBI-RES-1
        for statement in statements(resource):
            principal = statement.get("Principal")
            accounts = principal.get("AWS") if isinstance(principal, Mapping) else principal
            if statement.get("Effect") == "Allow" and (
                "*" in listed(accounts) or "NotPrincipal" in statement
            ):
                yield (
                    resource,
                    f"must name who is allowed in statement {statement.get('Sid', '')}, not everybody",
                )


def _untagged(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for resource in stack.resources:
        tags = resource.inputs.get("tags")
        if (
            isinstance(tags, Mapping)
            and not unknown(tags)
            and (missing := [tag for tag in TAGS if not tags.get(tag)])
        ):
            yield resource, f"needs the tags {', '.join(missing)}"


def _networks_without_record(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for network in stack.of("aws:ec2/vpc:Vpc"):
        if not stack.beside(network, "aws:ec2/flowLog:FlowLog", "vpcId"):
            yield network, "needs a FlowLog"
        for group in stack.beside(network, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId"):
            if group.inputs.get("ingress") or group.inputs.get("egress"):
                yield group, "must let nothing in or out: whatever forgets its group gets this one"


def _public_subnet(subnet: Resource) -> bool:
    return subnet.inputs.get("mapPublicIpOnLaunch") is not True


def _wide(rule: Resource) -> bool:
    return not {rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6")} & set(EVERYWHERE)


POLICIES = (
    Policy(
        id="GBI-IAM-1",
        rule="A role's policy names each action.",
        reason="A wildcard allows what nobody reviewed, and what AWS adds next year.",
        controls=("IAM.1", "IAM.21", "CKV_AWS_107", "CKV_AWS_111", "CKV_AWS_355"),
        check=_wildcard_actions,
    ),
    Policy(
        id="GBI-IAM-2",
        rule="A role's policy names its resources, where AWS knows any.",
        reason="A function that may read every bucket reads the neighbour's.",
        controls=("CKV_AWS_108", "CKV_AWS_356"),
        check=_wildcard_resources,
    ),
    Policy(
        id="GBI-IAM-3",
        rule="No policy allows everybody.",
        reason="An Allow for * is an office open to the world.",
        controls=("S3.6", "SNS.4", "KMS.5", "CKV_AWS_33", "CKV_AWS_70", "CKV_AWS_169"),
        check=_open_to_everybody,
    ),
    Policy(
        id="GBI-IAM-4",
        rule="Only known policies of AWS's own are attached.",
        reason="What they allow is written by somebody else, and changes.",
        controls=("CKV_AWS_274",),
        check=each(
            ATTACHMENT,
            must=lambda one: (
                unknown(one.inputs.get("policyArn")) or one.inputs.get("policyArn") in ATTACHABLE
            ),
            message="must not be attached: write what the role needs, or add it to policies/access.py",
        ),
    ),
    Policy(
        id="GBI-IAM-5",
        rule="A role is bound by the office's boundary.",
        reason="Whatever is one day attached to it, it can do no more than the office's work.",
        controls=("IAM.1", "CKV_AWS_274"),
        check=each(
            ROLE,
            must=lambda one: (
                unknown(one.inputs.get("permissionsBoundary"))
                or bool(BOUNDARY.fullmatch(str(one.inputs.get("permissionsBoundary"))))
            ),
            message="needs permissions_boundary=boundary_arn(office.name, office.account)",
        ),
    ),
    Policy(
        id="GBI-NET-1",
        rule="Nothing leads from an office's network to the internet.",
        reason="Sample data must not leave the region, whatever a pipeline's tool tries.",
        controls=("EC2.9", "EC2.15"),
        check=each(*GATES, must=lambda _: False, message="must not be: an office's network has no way out"),
    ),
    Policy(
        id="GBI-NET-2",
        rule="No rule of a security group names the whole world.",
        reason="Instances talk to endpoints, and to nothing else.",
        controls=("EC2.2", "EC2.18", "EC2.19", "CKV_AWS_260", "CKV_AWS_382"),
        check=each(*RULES, must=_wide, message="must name a group, a prefix list or a network"),
    ),
    Policy(
        id="GBI-NET-3",
        rule="A network records what it refuses, and its default group lets nothing through.",
        reason="Who tried to get in or out is otherwise never known.",
        controls=("EC2.2", "EC2.6"),
        check=_networks_without_record,
    ),
    Policy(
        id="GBI-NET-4",
        rule="A subnet gives no public addresses.",
        reason="An instance with one can be reached, and can reach out.",
        controls=("EC2.15", "CKV_AWS_130"),
        check=each(
            "aws:ec2/subnet:Subnet", must=_public_subnet, message="must have mapPublicIpOnLaunch false"
        ),
    ),
    Policy(
        id="GBI-TAG-1",
        rule="What has tags says whose it is and who made it.",
        reason="The bill by office, and the answer to `who made this?`, come from tags.",
        check=_untagged,
    ),
)
