"""The walk: every edge of an office's declared resources, and what of it the office file does not name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from components.partners import LINKED
from components.roster import Fleet
from policies.access import ROLE_POLICY, listed, statements
from policies.declared import Stack
from residency.copies import edges_of_copies
from residency.edges import UNKNOWN, Carries, Edge
from residency.networks import edges_of_networks
from residency.places import Atlas
from residency.statements import edges_of_policies

# Kinds that the walk looks into, and kinds by which nothing can travel. Any other is a finding, so that a
# resource of a new kind is thought about once.
KNOWN = {
    "aws:batch": ("computeEnvironment", "jobDefinition", "jobQueue"),
    "aws:budgets": ("budget",),
    "aws:cloudwatch": (
        *("eventBus", "eventBusPolicy", "eventRule", "eventTarget", "logGroup", "metricAlarm", "dashboard"),
        *("logSubscriptionFilter", "metricStream"),
    ),
    "aws:dynamodb": ("table", "resourcePolicy", "globalTable", "tableReplica"),
    "aws:ec2": (
        *(
            "defaultSecurityGroup",
            "flowLog",
            "launchTemplate",
            "routeTable",
            "routeTableAssociation",
            "securityGroup",
        ),
        *(
            "subnet",
            "vpc",
            "vpcEndpoint",
            "route",
            "internetGateway",
            "egressOnlyInternetGateway",
            "natGateway",
        ),
        *("eip", "vpcPeeringConnection", "vpnGateway", "vpnConnection"),
    ),
    "aws:ec2transitgateway": ("vpcAttachment",),
    "aws:directconnect": ("gatewayAssociation",),
    "aws:ecr": (
        "lifecyclePolicy",
        "registryPolicy",
        "replicationConfiguration",
        "repository",
        "repositoryPolicy",
    ),
    "aws:iam": ("instanceProfile", "role", "rolePolicy", "rolePolicyAttachment"),
    "aws:kms": ("alias", "key"),
    "aws:lambda": (
        "eventSourceMapping",
        "function",
        "functionEventInvokeConfig",
        "permission",
        "functionUrl",
    ),
    "aws:s3": (
        *(
            "bucket",
            "bucketLifecycleConfiguration",
            "bucketNotification",
            "bucketOwnershipControls",
            "bucketPolicy",
        ),
        *("bucketPublicAccessBlock", "bucketReplicationConfig", "bucketServerSideEncryptionConfiguration"),
        *("bucketVersioning", "bucketLogging", "bucketAccelerateConfiguration", "bucketWebsiteConfiguration"),
        *("inventory",),
    ),
    "aws:sns": ("topic", "topicPolicy", "topicSubscription"),
    "aws:sqs": ("queue", "queuePolicy", "redriveAllowPolicy"),
    "aws:vpc": ("securityGroupEgressRule", "securityGroupIngressRule"),
    "aws:pipes": ("pipe",),
    "aws:scheduler": ("schedule",),
    "aws:backup": ("plan",),
}
LINKED_FOLDER = re.compile(rf":::[^/]+/{LINKED}/([^/*]+)/")


def edges(stack: Stack, fleet: Fleet, office: str) -> list[Edge]:
    """All edges that an office's stack opens, out of the office and into it, in a stable order."""
    atlas = Atlas(fleet=fleet, here=office)
    walks = (edges_of_policies, edges_of_networks, edges_of_copies, _of_links, _of_unknown_kinds)
    return sorted({edge for walk in walks for edge in walk(stack, atlas)})


def _of_links(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    """What is kept for a partner without a bucket is there to be sent by links."""
    for resource in stack.of(ROLE_POLICY):
        for statement in statements(resource, "policy"):
            for name in listed(statement.get("Resource")):
                if found := LINKED_FOLDER.search(str(name)):
                    yield atlas.way_out(
                        resource, f"partner {found[1]}", Carries.results, "people send links to results"
                    )


def _of_unknown_kinds(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    for resource in stack.resources:
        module, _, kind = resource.kind.partition("/")
        if kind.split(":")[0] not in KNOWN.get(module, ()):
            yield atlas.way_out(
                resource,
                UNKNOWN,
                Carries.samples,
                f"residency/walk.py does not know {resource.kind}: add it there with what it can carry",
            )


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Edges with the reason that the office file gives, edges without one, and entries that name no edge."""

    named: tuple[tuple[Edge, str], ...]
    unnamed: tuple[Edge, ...]
    idle: tuple[str, ...]


def judge(stack: Stack, fleet: Fleet, office: str) -> Judgement:
    """Each edge is named by the file of the office that it leads out of; those out of strangers by none."""
    offices = {each.name: each for each in fleet.offices}
    named, unnamed, used = [], [], set()
    for edge in edges(stack, fleet, office):
        source = offices.get(edge.source)
        if source is None:
            continue
        for index, entry in enumerate(source.settings.may_leave):
            other_office = entry.to == "offices" and edge.target in offices
            if (entry.to == edge.target or other_office) and edge.carries <= Carries[entry.carries]:
                named.append((edge, entry.reason))
                used.add((source.name, index))
                break
        else:
            unnamed.append(edge)
    idle = tuple(
        f"Pulumi.{office}.yaml: globalbi:mayLeave.{index} names a way to {entry.to} that is not there: "
        "remove it"
        for index, entry in enumerate(offices[office].settings.may_leave)
        if (office, index) not in used
    )
    return Judgement(named=tuple(named), unnamed=tuple(unnamed), idle=idle)


def sentence(edge: Edge) -> str:
    """What to do about an edge that nobody named."""
    return (
        f"{edge.carries.name} can go from {edge.source} to {edge.target} ({edge.how}): remove it, or name it "
        f"with its reason in Pulumi.{edge.source}.yaml, globalbi:mayLeave: "
        f'{{to: "{edge.target}", carries: {edge.carries.name}, reason: "…"}}'
    )
