"""What an office costs a month for being there: the declared resources that are billed without any use.

Interface endpoints by the hour in each zone, keys, alarms and dashboards by the month. All else that a
stack declares is free or billed by use, which no declaration tells.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cost.book import Region

HOURS_A_MONTH = 730  # AWS's own calculator
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
KEY = "aws:kms/key:Key"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
# The price of one, and for how many of that price's time.
PRICED = {
    ENDPOINT: ("vpc:endpoint-hour", HOURS_A_MONTH),
    KEY: ("kms:key-month", 1),
    ALARM: ("cloudwatch:alarm-month", 1),
    DASHBOARD: ("cloudwatch:dashboard-month", 1),
}
CALLED = {ENDPOINT: "interface endpoints, by zone", KEY: "keys", ALARM: "alarms", DASHBOARD: "dashboards"}
BY_USE = frozenset(
    {
        "aws:batch/computeEnvironment:ComputeEnvironment",  # instances, while jobs run: none at least
        "aws:cloudwatch/eventBus:EventBus",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:dynamodb/table:Table",
        "aws:ec2/flowLog:FlowLog",
        "aws:ecr/replicationConfiguration:ReplicationConfiguration",
        "aws:ecr/repository:Repository",
        "aws:lambda/function:Function",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        "aws:sns/topic:Topic",
        "aws:sqs/queue:Queue",
    }
)
FREE = frozenset(
    {
        "aws:batch/jobDefinition:JobDefinition",
        "aws:batch/jobQueue:JobQueue",
        "aws:budgets/budget:Budget",  # without actions
        "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecr/registryPolicy:RegistryPolicy",
        "aws:kms/alias:Alias",
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "aws:lambda/permission:Permission",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:sqs/queuePolicy:QueuePolicy",
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
    }
)
FREE_PREFIXES = ("aws:iam/", "aws:vpc/securityGroup", "aws:s3/bucket")  # of a bucket: its settings


@dataclass(frozen=True, kw_only=True)
class Standing:
    """US dollars a month, and how many of each are billed; `unknown` says what is missing from the sum."""

    usd: float
    counts: Mapping[str, int]
    unknown: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Sum:
    usd: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)


def standing(declared: Iterable[tuple[str, Mapping[str, Any]]], prices: Region) -> Standing:
    """`declared`: type and inputs of each resource, as Pulumi's engine names them."""
    found = _Sum()
    for kind, inputs in declared:
        if kind in PRICED:
            _add(found, kind, inputs, prices)
        elif kind not in BY_USE and kind not in FREE and not kind.startswith(FREE_PREFIXES):
            found.unknown[f"whether {kind} is billed for being there"] = None
    return Standing(usd=found.usd, counts=found.counts, unknown=tuple(found.unknown))


def _add(found: _Sum, kind: str, inputs: Mapping[str, Any], prices: Region) -> None:
    unit, times = PRICED[kind]
    count = _billed(kind, inputs)
    if count is None:
        found.unknown["in how many zones an endpoint stands"] = None
    elif count and unit not in prices.standing:
        found.unknown[f"the price of {CALLED[kind]} there"] = None
    elif count:
        found.counts[CALLED[kind]] = found.counts.get(CALLED[kind], 0) + count
        found.usd += count * times * prices.standing[unit]


def _billed(kind: str, inputs: Mapping[str, Any]) -> int | None:
    """How many of a resource are billed; None: AWS alone will know."""
    if kind == ENDPOINT:
        # Without a type it is a gateway, which is free.
        if inputs.get("vpcEndpointType", "Gateway") == "Gateway":
            return 0
        zones = inputs.get("subnetIds")
        return len(zones) if isinstance(zones, list) else None
    if kind == ALARM:
        # An alarm over a formula is billed for each metric in it.
        queries = inputs.get("metricQueries")
        return sum("metric" in each for each in queries) or 1 if isinstance(queries, list) else 1
    return 1
