"""Networks as edges: gates, routes, and endpoints that let foreign keys through."""

import re
from collections.abc import Iterator

from policies.access import ENDPOINT, EVERYWHERE, GATES, entries, listed, statements
from policies.declared import Resource, Stack, unknown
from residency.edges import ANYONE, INTERNET, Carries, Edge
from residency.places import Atlas
from residency.statements import bound_to

ROUTE, ROUTE_TABLE, SUBNET = "aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable", "aws:ec2/subnet:Subnet"
LINKS = (
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
    "aws:ec2/vpnGateway:VpnGateway",
    "aws:ec2/vpnConnection:VpnConnection",
    "aws:directconnect/gatewayAssociation:GatewayAssociation",
)
# The container agent's own protocol; AWS knows no endpoint policy for these.
WITHOUT_POLICY = re.compile(r"com\.amazonaws\.[^.]+\.ecs-(agent|telemetry)")
# AWS's own buckets that instances read: ECR's layers, Amazon Linux's packages.
AWS_BUCKET = re.compile(r"arn:aws:s3:::(prod-[a-z0-9-]+-starport-layer-bucket|al2023-repos-[a-z0-9-]+)/\*")


def edges_of_networks(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    for gate in stack.of(*GATES, *LINKS):
        yield atlas.way_out(
            gate, INTERNET if gate.kind in GATES else ANYONE, Carries.samples, "it leads out of the network"
        )
    for table in stack.of(ROUTE, ROUTE_TABLE):
        routes = [table.inputs] if table.kind == ROUTE else entries(table.inputs.get("routes"))
        for route in routes:
            to = {route.get(key) for key in ("cidrBlock", "destinationCidrBlock", "ipv6CidrBlock",
                                             "destinationIpv6CidrBlock")}  # fmt: skip
            if to & set(EVERYWHERE):
                yield atlas.way_out(table, INTERNET, Carries.samples, "a route to everywhere")
    for subnet in stack.of(SUBNET):
        if subnet.inputs.get("mapPublicIpOnLaunch") is True:
            yield atlas.way_out(subnet, INTERNET, Carries.samples, "its instances get public addresses")
    for endpoint in stack.of(ENDPOINT):
        yield from _through(endpoint, atlas)


def _through(endpoint: Resource, atlas: Atlas) -> Iterator[Edge]:
    service = str(endpoint.inputs.get("serviceName"))
    if not service.startswith(f"com.amazonaws.{atlas.region}."):
        yield atlas.way_out(
            endpoint, ANYONE, Carries.samples, f"an endpoint of {service}, which is not of {atlas.region}"
        )
    elif not WITHOUT_POLICY.fullmatch(service):
        allowed = [one for one in statements(endpoint, "policy") if one.get("Effect") == "Allow"]
        wide = [one for one in allowed if not bound_to(one, atlas.account) and not _of_aws(one)]
        if wide or not (allowed or unknown(endpoint.inputs.get("policy"))):
            yield atlas.way_out(
                endpoint, ANYONE, Carries.samples, f"keys of any account pass the endpoint of {service}"
            )


def _of_aws(statement: object) -> bool:
    """Whether a statement only reads from AWS's own buckets."""
    assert isinstance(statement, dict)
    return listed(statement.get("Action")) == ["s3:GetObject"] and all(
        AWS_BUCKET.fullmatch(str(arn)) for arn in listed(statement.get("Resource")) or [""]
    )
