"""EC2: the network of an office, and the launch template of its instances."""
# ruff: noqa: ARG001, ARG005 - every kind takes the same arguments, whether it needs them or not

from typing import Any

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, tag_list, taken, upper


def _tagged(inputs: Inputs, resource: str) -> list[dict[str, Any]]:
    tags = tag_list(inputs)
    return [{"ResourceType": resource, "Tags": tags}] if tags else []


def _retag(target: Target, change: Change) -> Outputs:
    if changed(change, "tags"):
        target.client("ec2").create_tags(Resources=[change.id], Tags=tag_list(change.new))
    return {}


def _create_vpc(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("ec2")
    vpc = client.create_vpc(CidrBlock=inputs["cidrBlock"], TagSpecifications=_tagged(inputs, "vpc"))["Vpc"][
        "VpcId"
    ]
    _vpc_attributes(target, vpc, inputs)
    return Made(id=vpc, outputs={"arn": target.arn("ec2", f"vpc/{vpc}")})


def _vpc_attributes(target: Target, vpc: str, inputs: Inputs) -> None:
    client = target.client("ec2")
    for name in ("enableDnsSupport", "enableDnsHostnames"):
        if inputs.get(name) is not None:
            client.modify_vpc_attribute(
                VpcId=vpc, **{name[:1].upper() + name[1:]: {"Value": bool(inputs[name])}}
            )


def _update_vpc(target: Target, change: Change) -> Outputs:
    if changed(change, "enableDnsSupport", "enableDnsHostnames"):
        _vpc_attributes(target, change.id, change.new)
    return _retag(target, change)


def _create_subnet(target: Target, name: str, inputs: Inputs) -> Made:
    subnet = target.client("ec2").create_subnet(
        VpcId=inputs["vpcId"],
        CidrBlock=inputs["cidrBlock"],
        TagSpecifications=_tagged(inputs, "subnet"),
        **taken(inputs, AvailabilityZone="availabilityZone"),
    )["Subnet"]["SubnetId"]
    return Made(id=subnet, outputs={"arn": target.arn("ec2", f"subnet/{subnet}")})


def _create_table(target: Target, name: str, inputs: Inputs) -> Made:
    table = target.client("ec2").create_route_table(
        VpcId=inputs["vpcId"], TagSpecifications=_tagged(inputs, "route-table")
    )["RouteTable"]["RouteTableId"]
    return Made(id=table)


def _associate(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("ec2").associate_route_table(
        SubnetId=inputs["subnetId"], RouteTableId=inputs["routeTableId"]
    )
    return Made(id=made["AssociationId"])


def _create_group(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("ec2")
    group = client.create_security_group(
        GroupName=inputs["name"],
        Description=inputs.get("description", "Managed by Pulumi"),
        VpcId=inputs["vpcId"],
        TagSpecifications=_tagged(inputs, "security-group"),
    )["GroupId"]
    # As the provider: the rule that AWS adds, out to everywhere, goes.
    _empty(target, group)
    return Made(id=group, outputs={"arn": target.arn("ec2", f"security-group/{group}")})


def _empty(target: Target, group: str) -> None:
    client = target.client("ec2")
    found = client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    if found.get("IpPermissionsEgress"):
        client.revoke_security_group_egress(GroupId=group, IpPermissions=found["IpPermissionsEgress"])
    if found.get("IpPermissions"):
        client.revoke_security_group_ingress(GroupId=group, IpPermissions=found["IpPermissions"])


def _adopt_default_group(target: Target, name: str, inputs: Inputs) -> Made:
    if inputs.get("ingress") or inputs.get("egress"):
        raise NotImplementedError(
            f"{name}: a default security group with rules: add it in twin/resources/ec2.py"
        )
    groups = target.client("ec2").describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"]
    _empty(target, groups[0]["GroupId"])
    return Made(id=groups[0]["GroupId"])


def _permission(inputs: Inputs) -> dict[str, Any]:
    permission: dict[str, Any] = taken(inputs, IpProtocol="ipProtocol", FromPort="fromPort", ToPort="toPort")
    words = {"Description": inputs["description"]} if inputs.get("description") else {}
    if group := inputs.get("referencedSecurityGroupId"):
        permission["UserIdGroupPairs"] = [{"GroupId": group, **words}]
    if prefix_list := inputs.get("prefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": prefix_list, **words}]
    if cidr := inputs.get("cidrIpv4"):
        permission["IpRanges"] = [{"CidrIp": cidr, **words}]
    return permission


def _rule(direction: str) -> Kind:
    side = direction.lower()

    def create(target: Target, name: str, inputs: Inputs) -> Made:
        authorize = getattr(target.client("ec2"), f"authorize_security_group_{side}")
        made = authorize(GroupId=inputs["securityGroupId"], IpPermissions=[_permission(inputs)])
        rules = made.get("SecurityGroupRules") or [{"SecurityGroupRuleId": name}]
        return Made(id=rules[0]["SecurityGroupRuleId"])

    def delete(target: Target, change: Change) -> None:
        revoke = getattr(target.client("ec2"), f"revoke_security_group_{side}")
        revoke(GroupId=change.old["securityGroupId"], IpPermissions=[_permission(change.old)])

    name = f"SecurityGroup{direction}Rule"
    return Kind(type=f"aws:vpc/securityGroup{direction}Rule:{name}", create=create, delete=delete)


def _create_endpoint(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("ec2")
    endpoint = client.create_vpc_endpoint(
        VpcId=inputs["vpcId"],
        ServiceName=inputs["serviceName"],
        VpcEndpointType=inputs.get("vpcEndpointType", "Gateway"),
        TagSpecifications=_tagged(inputs, "vpc-endpoint"),
        **taken(
            inputs,
            RouteTableIds="routeTableIds",
            SubnetIds="subnetIds",
            SecurityGroupIds="securityGroupIds",
            PrivateDnsEnabled="privateDnsEnabled",
            PolicyDocument="policy",
        ),
    )["VpcEndpoint"]["VpcEndpointId"]
    outputs: Outputs = {"arn": target.arn("ec2", f"vpc-endpoint/{endpoint}")}
    if inputs.get("vpcEndpointType", "Gateway") == "Gateway":
        lists = client.describe_prefix_lists(
            Filters=[{"Name": "prefix-list-name", "Values": [inputs["serviceName"]]}]
        )["PrefixLists"]
        # The lists are AWS's own and the same for everyone; ministack may know none.
        outputs["prefixListId"] = lists[0]["PrefixListId"] if lists else "pl-00000000"
    return Made(id=endpoint, outputs=outputs)


def _update_endpoint(target: Target, change: Change) -> Outputs:
    client = target.client("ec2")
    words: dict[str, Any] = {}
    for ours, aws in (
        ("routeTableIds", "RouteTableIds"),
        ("subnetIds", "SubnetIds"),
        ("securityGroupIds", "SecurityGroupIds"),
    ):
        old, new = set(change.old.get(ours) or []), set(change.new.get(ours) or [])
        if new - old:
            words[f"Add{aws}"] = sorted(new - old)
        if old - new:
            words[f"Remove{aws}"] = sorted(old - new)
    if changed(change, "policy"):
        words["PolicyDocument"] = change.new["policy"]
    if words:
        client.modify_vpc_endpoint(VpcEndpointId=change.id, **words)
    return _retag(target, change)


def _template(inputs: Inputs) -> dict[str, Any]:
    data = {
        k: upper(inputs[k])
        for k in ("metadataOptions", "blockDeviceMappings", "tagSpecifications")
        if inputs.get(k)
    }
    data = {k[:1].upper() + k[1:]: v for k, v in data.items()}
    for mapping in data.get("BlockDeviceMappings", []):
        for name in ("Encrypted", "DeleteOnTermination"):  # the provider takes them as text
            if name in mapping.get("Ebs", {}):
                mapping["Ebs"][name] = str(mapping["Ebs"][name]).lower() == "true"
    return data | taken(inputs, UserData="userData", ImageId="imageId")


def _create_template(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("ec2").create_launch_template(
        LaunchTemplateName=inputs["name"],
        LaunchTemplateData=_template(inputs),
        TagSpecifications=_tagged(inputs, "launch-template"),
    )["LaunchTemplate"]
    identity = made["LaunchTemplateId"]
    return Made(id=identity, outputs={"latestVersion": 1, "defaultVersion": 1})


def _update_template(target: Target, change: Change) -> Outputs:
    outputs: Outputs = {}
    if _template(change.old) != _template(change.new):
        client = target.client("ec2")
        made = client.create_launch_template_version(
            LaunchTemplateId=change.id, LaunchTemplateData=_template(change.new)
        )["LaunchTemplateVersion"]
        outputs["latestVersion"] = int(made["VersionNumber"])
        if change.new.get("updateDefaultVersion"):
            client.modify_launch_template(
                LaunchTemplateId=change.id, DefaultVersion=str(made["VersionNumber"])
            )
            outputs["defaultVersion"] = outputs["latestVersion"]
    _retag(target, change)
    return outputs


def _create_flow_log(target: Target, name: str, inputs: Inputs) -> Made:
    kind, resource = next(
        (kind, inputs[key]) for key, kind in (("vpcId", "VPC"), ("subnetId", "Subnet")) if inputs.get(key)
    )
    made = target.client("ec2").create_flow_logs(
        ResourceIds=[resource],
        ResourceType=kind,
        TrafficType=inputs.get("trafficType", "ALL"),
        TagSpecifications=_tagged(inputs, "vpc-flow-log"),
        **taken(
            inputs,
            LogDestinationType="logDestinationType",
            LogDestination="logDestination",
            DeliverLogsPermissionArn="iamRoleArn",
            MaxAggregationInterval="maxAggregationInterval",
        ),
    )
    return Made(id=made["FlowLogIds"][0])


KINDS = (
    Kind(
        type="aws:ec2/vpc:Vpc",
        create=_create_vpc,
        update=_update_vpc,
        delete=lambda t, c: t.client("ec2").delete_vpc(VpcId=c.id),
        fixed=frozenset({"cidrBlock"}),
    ),
    Kind(
        type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        create=_adopt_default_group,
        update=_retag,
        delete=lambda t, c: None,  # AWS keeps a VPC's default group
        fixed=frozenset({"vpcId"}),
    ),
    Kind(
        type="aws:ec2/subnet:Subnet",
        create=_create_subnet,
        update=_retag,
        delete=lambda t, c: t.client("ec2").delete_subnet(SubnetId=c.id),
        fixed=frozenset({"vpcId", "cidrBlock", "availabilityZone"}),
    ),
    Kind(
        type="aws:ec2/routeTable:RouteTable",
        create=_create_table,
        update=_retag,
        delete=lambda t, c: t.client("ec2").delete_route_table(RouteTableId=c.id),
        fixed=frozenset({"vpcId"}),
    ),
    Kind(
        type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        create=_associate,
        delete=lambda t, c: t.client("ec2").disassociate_route_table(AssociationId=c.id),
    ),
    Kind(
        type="aws:ec2/securityGroup:SecurityGroup",
        create=_create_group,
        update=_retag,
        delete=lambda t, c: t.client("ec2").delete_security_group(GroupId=c.id),
        fixed=frozenset({"vpcId", "name", "description"}),
        named="name",
    ),
    _rule("Ingress"),
    _rule("Egress"),
    Kind(
        type="aws:ec2/vpcEndpoint:VpcEndpoint",
        create=_create_endpoint,
        update=_update_endpoint,
        delete=lambda t, c: t.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[c.id]),
        fixed=frozenset({"vpcId", "serviceName", "vpcEndpointType"}),
    ),
    Kind(
        type="aws:ec2/launchTemplate:LaunchTemplate",
        create=_create_template,
        update=_update_template,
        delete=lambda t, c: t.client("ec2").delete_launch_template(LaunchTemplateId=c.id),
        fixed=frozenset({"name"}),
        named="name",
    ),
    Kind(
        type="aws:ec2/flowLog:FlowLog",
        create=_create_flow_log,
        delete=lambda t, c: t.client("ec2").delete_flow_logs(FlowLogIds=[c.id]),
    ),
)
