"""Network: private subnets in two or three zones, and no way to or from the internet.

Instances reach AWS by VPC endpoints alone, so sample data cannot leave by accident, and there is no NAT
gateway to pay.
"""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.names import boundary_arn
from components.office import Office
from components.options import child_of
from components.permission import POLICY_VERSION, Permission, inline_policy, trust_service
from components.tags import tags

HTTPS = 443
MAX_ZONES = 3
# A zone the account need not opt in to is a full one: local and wavelength zones lack most endpoints.
FULL_ZONE = "opt-in-not-required"
FLOW_LOG_DAYS = 90
# AWS's own buckets: the layers of ECR's images, by links that ECR signs, and Amazon Linux's packages.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
AWS_BUCKETS = ("prod-{}-starport-layer-bucket", "al2023-repos-{}-de612dc2")

GATEWAY_ENDPOINTS = {
    # Uploads, results and references; ECR keeps image layers, and Amazon Linux its packages, in S3 as well.
    "s3": "s3",
    # The runner's lease and its last words in the ledger.
    "dynamodb": "dynamodb",
}
INTERFACE_ENDPOINTS = {
    "ecs": "ecs",  # the container agent registers its instance,
    "ecs-agent": "ecs-agent",  # is told which containers to start and stop,
    "ecs-telemetry": "ecs-telemetry",  # and reports how they do;
    "ecr-api": "ecr.api",  # the agent asks for a token of the registry
    "ecr-dkr": "ecr.dkr",  # and pulls the image's manifest;
    "logs": "logs",  # the awslogs driver ships what jobs print.
}
# AWS: these two take no endpoint policy; only the agent speaks to them.
WITHOUT_POLICY = ("ecs-agent", "ecs-telemetry")
# Not needed, so not paid for: sts (the agent hands jobs their role's credentials), kms (S3, DynamoDB and ECR
# decrypt on their side), batch, sqs and events (functions use them, and functions run outside the VPC), ssm
# (nobody signs in to an instance).


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    office: Office
    key_arn: pulumi.Input[str]


def endpoint_policy(office: Office, service: str) -> str:
    """Who may pass an endpoint: the account's own roles; to S3 and DynamoDB only for the account's own data.

    Without it a tool in a container that brings keys of a foreign account could carry reads to that account.
    """
    own = {"aws:PrincipalAccount": office.account}
    if service in GATEWAY_ENDPOINTS:
        own["aws:ResourceAccount"] = office.account
    statements = [
        {
            "Sid": "OwnRoles",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "*",
            "Resource": "*",
            "Condition": {"StringEquals": own},
        }
    ]
    if service == "s3":
        statements.append(
            {
                "Sid": "ReadImageLayersAndPackages",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": [f"arn:aws:s3:::{bucket.format(office.region)}/*" for bucket in AWS_BUCKETS],
            }
        )
    return json.dumps({"Version": POLICY_VERSION, "Statement": statements})


class Network(pulumi.ComponentResource):
    """VPC, private subnets, endpoints and the security group of the instances."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Network", name, None, opts)
        self._name, self._office = name, args.office
        self._tags = tags(args.office.name, "network", Name=name)
        self.vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(args.office.cidr),
            # Both are what makes the endpoints' private names resolve.
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tags,
            opts=child_of(self),
        )
        # Declared without rules, the default group is emptied: what forgets to name its group reaches
        # nothing.
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default", vpc_id=self.vpc.id, ingress=[], egress=[], tags=self._tags, opts=child_of(self)
        )
        self._route_table = aws.ec2.RouteTable(
            f"{name}-private", vpc_id=self.vpc.id, tags=self._tags, opts=child_of(self)
        )
        self.subnet_ids = [subnet.id for subnet in self._subnets()]
        self._instances = self._group("instances", "Batch instances: out to the endpoints, nothing in")
        self._endpoints = self._group("endpoints", "Interface endpoints: in from the instances, nothing out")
        self.instance_group_ids = [self._instances.id]
        self._connect()
        self._log_flows(args.key_arn)
        self.register_outputs({"vpc_id": self.vpc.id, "subnet_ids": self.subnet_ids})

    def _subnets(self) -> list[aws.ec2.Subnet]:
        zones = sorted(
            aws.get_availability_zones(
                state="available",
                filters=[{"name": "opt-in-status", "values": [FULL_ZONE]}],
                opts=pulumi.InvokeOptions(parent=self),
            ).names
        )[:MAX_ZONES]
        if len(zones) < 2:
            raise ValueError(f"{self._office.region}: an office needs two availability zones, found {zones}")
        # Quarters: three are used, the last stays free.
        blocks = list(self._office.cidr.subnets(prefixlen_diff=2))
        subnets = []
        for zone, block in zip(zones, blocks, strict=False):
            suffix = zone.removeprefix(self._office.region)
            subnet = aws.ec2.Subnet(
                f"{self._name}-private-{suffix}",
                vpc_id=self.vpc.id,
                cidr_block=str(block),
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={**self._tags, "Name": f"{self._name}-private-{suffix}"},
                opts=child_of(self),
            )
            aws.ec2.RouteTableAssociation(
                f"{self._name}-private-{suffix}",
                subnet_id=subnet.id,
                route_table_id=self._route_table.id,
                opts=child_of(subnet),
            )
            subnets.append(subnet)
        return subnets

    def _group(self, role: str, description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._name}-{role}",
            name=f"{self._name}-{role}",
            description=description,
            vpc_id=self.vpc.id,
            tags={**self._tags, "Name": f"{self._name}-{role}"},
            opts=child_of(self),
        )

    def _connect(self) -> None:
        """The endpoints, and for each the one rule that opens it."""
        for name, service in GATEWAY_ENDPOINTS.items():
            gateway = aws.ec2.VpcEndpoint(
                f"{self._name}-{name}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self._office.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[self._route_table.id],
                policy=endpoint_policy(self._office, name),
                tags={**self._tags, "Name": f"{self._name}-{name}"},
                opts=child_of(self),
            )
            self._egress(name, prefix_list_id=gateway.prefix_list_id)
        for name, service in INTERFACE_ENDPOINTS.items():
            aws.ec2.VpcEndpoint(
                f"{self._name}-{name}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self._office.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=self.subnet_ids,
                security_group_ids=[self._endpoints.id],
                private_dns_enabled=True,
                policy=None if name in WITHOUT_POLICY else endpoint_policy(self._office, name),
                tags={**self._tags, "Name": f"{self._name}-{name}"},
                opts=child_of(self),
            )
        self._egress("endpoints", referenced_security_group_id=self._endpoints.id)
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-from-instances",
            security_group_id=self._endpoints.id,
            referenced_security_group_id=self._instances.id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="HTTPS from Batch instances",
            tags=self._tags,
            opts=child_of(self._endpoints),
        )

    def _egress(
        self,
        target: str,
        *,
        prefix_list_id: pulumi.Input[str] | None = None,
        referenced_security_group_id: pulumi.Input[str] | None = None,
    ) -> None:
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-instances-to-{target}",
            security_group_id=self._instances.id,
            prefix_list_id=prefix_list_id,
            referenced_security_group_id=referenced_security_group_id,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description=f"HTTPS to {target}",
            tags=self._tags,
            opts=child_of(self._instances),
        )

    def _log_flows(self, key_arn: pulumi.Input[str]) -> None:
        """What was refused, for whoever must look into an incident: nothing should try at all."""
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-flows",
            name=f"/globalbi/{self._office.name}/flows",
            retention_in_days=FLOW_LOG_DAYS,
            kms_key_id=key_arn,
            tags=self._tags,
            opts=child_of(self),
        )
        role = aws.iam.Role(
            f"{self._name}-flows",
            name=f"{self._name}-flows",
            permissions_boundary=boundary_arn(self._office.name, self._office.account),
            assume_role_policy=trust_service("vpc-flow-logs.amazonaws.com", self._office.account),
            tags=self._tags,
            opts=child_of(self),
        )
        aws.iam.RolePolicy(
            f"{self._name}-flows",
            name="write-flows",
            role=role.name,
            policy=inline_policy(
                [
                    Permission(
                        sid="WriteFlows",
                        actions=("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
                        resources=[group.arn, pulumi.Output.concat(group.arn, ":*")],
                    )
                ]
            ),
            opts=child_of(role),
        )
        aws.ec2.FlowLog(
            f"{self._name}-flows",
            vpc_id=self.vpc.id,
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tags,
            opts=child_of(self),
        )
