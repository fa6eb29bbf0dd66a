"""What holds for every resource of every office, whichever component declares it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from policies.program import KNOWN, Declared, Stack, takes_tags
from tests.components.conftest import OFFICES

pytestmark = pytest.mark.parametrize("office", OFFICES)

# What a policy is written in, by type.
POLICY_INPUTS = ("policy", "assumeRolePolicy")
# Actions for which AWS knows no resource but "*".
WITHOUT_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "batch:ListJobs",
    "batch:DescribeJobs",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
# AWS's limits on the names the program gives, by type.
NAME_LIMITS = {
    "aws:iam/role:Role": 64,
    "aws:iam/instanceProfile:InstanceProfile": 128,
    "aws:lambda/function:Function": 64,
    "aws:cloudwatch/eventRule:EventRule": 64,
    "aws:sqs/queue:Queue": 80,
    "aws:s3/bucket:Bucket": 63,
    "aws:batch/jobQueue:JobQueue": 128,
    "aws:batch/jobDefinition:JobDefinition": 128,
    "aws:dynamodb/table:Table": 255,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,
    "aws:sns/topic:Topic": 256,
    "aws:ec2/launchTemplate:LaunchTemplate": 128,
    "aws:budgets/budget:Budget": 100,
}


def statements(stack: Stack) -> Iterator[tuple[Declared, dict[str, Any]]]:
    for each in stack.recorder.declared:
        for key in POLICY_INPUTS:
            if key in each.inputs and "LifecyclePolicy" not in each.kind:
                for statement in each.json(key)["Statement"]:
                    yield each, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_resource_has_a_component_as_parent(stacks: dict[str, Stack], office: str) -> None:
    """A resource without parent is one that nobody finds in `pulumi stack` and no component owns."""
    assert stacks[office].recorder.parentless == []
    assert len(stacks[office].recorder.declared) > 100


def test_everything_that_takes_tags_has_them(stacks: dict[str, Stack], office: str) -> None:
    """An untagged resource is missing from the office's bill, and nobody knows who made it."""
    for each in stacks[office].recorder.declared:
        if takes_tags(each.kind):
            tags = each.inputs.get("tags", {})
            assert tags.get("globalbi:office") == office, (each.kind, each.name)
            assert tags.get("globalbi:component"), (each.kind, each.name)
            assert tags.get("globalbi:managed-by") == "pulumi", (each.kind, each.name)


def test_names_fit_and_start_alike(stacks: dict[str, Stack], office: str) -> None:
    """A name that is too long is refused in the middle of an update."""
    for each in stacks[office].recorder.declared:
        limit = NAME_LIMITS.get(each.kind)
        if limit:
            name = each.inputs.get("name") or each.inputs["bucket"]
            assert len(name) <= limit, (each.kind, name)
            assert name.startswith("globalbi-"), (each.kind, name)


def test_no_policy_allows_everyone(stacks: dict[str, Stack], office: str) -> None:
    """An Allow for `*` is an office open to the world."""
    for each, statement in statements(stacks[office]):
        if statement["Effect"] == "Allow" and "Principal" in statement:
            principals = statement["Principal"]
            if each.kind == "aws:ec2/vpcEndpoint:VpcEndpoint":
                continue  # allows nothing by itself; whom it lets through: tests/residency
            assert principals != "*", each.name
            assert "*" not in listed(principals.get("AWS", [])), each.name


def test_services_act_for_this_account_only(stacks: dict[str, Stack], office: str) -> None:
    """A service that anyone can point at an office's queue or topic is a confused deputy."""
    for each, statement in statements(stacks[office]):
        principal = statement.get("Principal", {})
        if "policy" in each.inputs and "/key:" not in each.kind and "Service" in principal:
            condition = statement["Condition"]
            arns = listed(condition.get("ArnEquals", {}).get("aws:SourceArn", []))
            accounts = condition.get("StringEquals", {}).get("aws:SourceAccount")
            account = stacks[office].recorder.account
            assert accounts == account or (arns and all(f":{account}:" in arn for arn in arns)), each.name


# They do not send the account for which they act.
SILENT = {"ec2.amazonaws.com", "lambda.amazonaws.com", "s3.amazonaws.com", "scheduler.amazonaws.com"}


def test_services_take_roles_for_this_account_only(stacks: dict[str, Stack], office: str) -> None:
    """A service that anybody can set to work would else act with an office's role for another account."""
    for role in stacks[office].of("aws:iam/role:Role"):
        for statement in role.json("assumeRolePolicy")["Statement"]:
            service = statement["Principal"].get("Service", "ec2.amazonaws.com")
            if service not in SILENT:
                condition = {"StringEquals": {"aws:SourceAccount": stacks[office].recorder.account}}
                assert statement["Condition"] == condition, role.name


def test_endpoints_let_the_accounts_own_roles_through_alone(stacks: dict[str, Stack], office: str) -> None:
    """A tool in a container that brings keys of another account could carry reads to that account."""
    account = stacks[office].recorder.account
    for endpoint in stacks[office].of("aws:ec2/vpcEndpoint:VpcEndpoint"):
        if endpoint.inputs.get("policy") is None:
            continue  # AWS: two of ECS take none
        own = {"aws:PrincipalAccount": account}
        if endpoint.inputs["vpcEndpointType"] == "Gateway":  # S3 and DynamoDB: data could lie elsewhere
            own["aws:ResourceAccount"] = account
        everything = endpoint.json("policy")["Statement"][0]
        assert (everything["Action"], everything["Condition"]) == ("*", {"StringEquals": own}), endpoint.name


def test_permissions_name_their_actions_and_resources(stacks: dict[str, Stack], office: str) -> None:
    """A role with a wildcard can do what nobody reviewed."""
    for each, statement in statements(stacks[office]):
        if each.kind != "aws:iam/rolePolicy:RolePolicy":
            continue
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action], each.name
        if "*" in listed(statement["Resource"]):
            assert set(actions) <= WITHOUT_RESOURCE, (each.name, actions)


def test_a_policy_fits_into_its_role(stacks: dict[str, Stack], office: str) -> None:
    """IAM refuses more than 10,240 characters of inline policy, in the middle of an update."""
    for each in stacks[office].of("aws:iam/rolePolicy:RolePolicy"):
        assert len("".join(each.inputs["policy"].split())) <= 10_240, each.name


def test_all_data_is_encrypted_with_the_offices_key(stacks: dict[str, Stack], office: str) -> None:
    """Who has the disk, the queue or the log must not have the samples."""
    stack = stacks[office]
    key = stack.outputs["key_arn"]
    for queue in stack.of("aws:sqs/queue:Queue"):
        assert queue.inputs["kmsMasterKeyId"] == key, queue.name
    for topic in stack.of("aws:sns/topic:Topic"):
        assert topic.inputs["kmsMasterKeyId"] == key, topic.name
    for group in stack.of("aws:cloudwatch/logGroup:LogGroup"):
        assert group.inputs["kmsKeyId"] == key, group.name
        assert group.inputs["retentionInDays"] > 0, group.name
    for table in stack.of("aws:dynamodb/table:Table"):
        assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": key}, table.name
        assert table.inputs["pointInTimeRecovery"]["enabled"] is True, table.name
    for repository in stack.of("aws:ecr/repository:Repository"):
        assert repository.inputs["encryptionConfigurations"][0]["kmsKey"] == key, repository.name
    for function in stack.of("aws:lambda/function:Function"):
        assert function.inputs["kmsKeyArn"] == key, function.name
    encrypted = {
        each.inputs["bucket"]: each.inputs["rules"][0]
        for each in stack.recorder.declared
        if each.kind.endswith(":BucketServerSideEncryptionConfiguration")
    }
    for bucket in stack.of("aws:s3/bucket:Bucket"):
        rule = encrypted[bucket.inputs["bucket"]]
        assert rule["applyServerSideEncryptionByDefault"] == {
            "sseAlgorithm": "aws:kms",
            "kmsMasterKeyId": key,
        }
        assert rule["bucketKeyEnabled"] is True


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("BucketVersioning", {"versioningConfiguration": {"status": "Enabled"}}),
        (
            "BucketPublicAccessBlock",
            {
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
        ),
        ("BucketOwnershipControls", {"rule": {"objectOwnership": "BucketOwnerEnforced"}}),
    ],
)
def test_every_bucket_is_versioned_private_and_the_offices_own(
    stacks: dict[str, Stack], office: str, part: str, wanted: dict[str, Any]
) -> None:
    """A bucket without it can be read by the world, or loses what is overwritten."""
    stack = stacks[office]
    have = {
        each.inputs["bucket"]: each.inputs
        for each in stack.recorder.declared
        if each.kind.endswith(f":{part}")
    }
    for bucket in stack.of("aws:s3/bucket:Bucket"):
        inputs = have[bucket.inputs["bucket"]]
        assert {key: inputs[key] for key in wanted} == wanted


def test_buckets_and_queues_refuse_plain_http(stacks: dict[str, Stack], office: str) -> None:
    """Samples and their names never cross a network in clear."""
    stack = stacks[office]
    policies = [*stack.of("aws:s3/bucketPolicy:BucketPolicy"), *stack.of("aws:sqs/queuePolicy:QueuePolicy")]
    assert len(policies) == len(stack.of("aws:s3/bucket:Bucket")) + len(stack.of("aws:sqs/queue:Queue"))
    for each in policies:
        deny = [s for s in each.json("policy")["Statement"] if s["Effect"] == "Deny"]
        assert deny[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, each.name


def test_every_queue_has_a_dead_letter_queue_and_alarms(stacks: dict[str, Stack], office: str) -> None:
    """A message that fails again and again must reach a person instead of vanishing after four days."""
    stack = stacks[office]
    alarms = {
        (alarm.inputs["dimensions"].get("QueueName"), alarm.inputs["metricName"])
        for alarm in stack.of("aws:cloudwatch/metricAlarm:MetricAlarm")
        if alarm.inputs["alarmActions"] == [stack.outputs["notices_topic_arn"]]
    }
    queues = {queue.inputs["name"]: queue for queue in stack.of("aws:sqs/queue:Queue")}
    dead = {name for name in queues if name.endswith("-dead-letters")}
    assert len(dead) > len(queues) / 2, "each queue has one, and the forwarding rule has one of its own"
    for name, queue in queues.items():
        if name in dead:
            assert (name, "ApproximateNumberOfMessagesVisible") in alarms, name
            assert queue.inputs["messageRetentionSeconds"] == 14 * 24 * 3600, name
        else:
            redrive = json.loads(queue.inputs["redrivePolicy"])
            assert redrive["deadLetterTargetArn"].rsplit(":", 1)[1] in dead, name
            assert redrive["maxReceiveCount"] >= 5, name
            assert (name, "ApproximateAgeOfOldestMessage") in alarms, name


def test_a_batch_is_not_delivered_again_while_it_is_handled(stacks: dict[str, Stack], office: str) -> None:
    """A function's time-out in mid-batch once turned 4,384 uploads into 14,727 executions."""
    stack = stacks[office]
    queues = {queue.inputs["name"]: queue for queue in stack.of("aws:sqs/queue:Queue")}
    functions = {each.inputs["name"]: each for each in stack.of("aws:lambda/function:Function")}
    sources = stack.of("aws:lambda/eventSourceMapping:EventSourceMapping")
    delivers = any(name.endswith("-delivery") for name in functions)
    assert len(sources) == 2 + (office == "hq") + delivers
    for source in sources:
        queue = queues[source.inputs["eventSourceArn"].rsplit(":", 1)[1]]
        function = functions[source.inputs["functionName"]]
        assert queue.inputs["visibilityTimeoutSeconds"] >= 6 * function.inputs["timeout"], queue.name
        assert source.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"], source.name
        assert source.inputs["batchSize"] <= 10, source.name


def test_events_that_cannot_be_delivered_are_kept(stacks: dict[str, Stack], office: str) -> None:
    """EventBridge gives up after a day and drops the event, unless its target has a dead-letter queue."""
    for target in stacks[office].of("aws:cloudwatch/eventTarget:EventTarget"):
        if ":function:" in target.inputs["arn"]:
            continue  # the schedule: the next pass makes up for it
        assert target.inputs["deadLetterConfig"]["arn"].endswith("-dead-letters"), target.name


def test_queues_accept_from_the_very_rules_that_send(stacks: dict[str, Stack], office: str) -> None:
    """A rule that its queue's policy does not name loses every event, and says nothing."""
    stack = stacks[office]
    rules = {rule.inputs["name"]: rule for rule in stack.of("aws:cloudwatch/eventRule:EventRule")}
    accepted = {
        each.inputs["queueUrl"]: [
            arn
            for statement in each.json("policy")["Statement"]
            for arn in statement["Condition"].get("ArnEquals", {}).get("aws:SourceArn", [])
        ]
        for each in stack.of("aws:sqs/queuePolicy:QueuePolicy")
    }
    for target in stack.of("aws:cloudwatch/eventTarget:EventTarget"):
        rule = rules[target.inputs["rule"]]
        bus = rule.inputs.get("eventBusName")
        suffix = f":rule/{f'{bus}/' if bus else ''}{rule.inputs['name']}"
        arns = [target.inputs["arn"], target.inputs.get("deadLetterConfig", {}).get("arn", "")]
        for queue in (arn.rsplit(":", 1)[1] for arn in arns if arn.startswith("arn:aws:sqs:")):
            assert any(arn.endswith(suffix) for arn in accepted[f"https://sqs/{queue}"]), (rule.name, queue)


def test_jobs_name_their_image_by_digest_and_run_without_privileges(
    stacks: dict[str, Stack], office: str
) -> None:
    """A tag that moved would change an analysis without a pull request."""
    stack = stacks[office]
    definitions = stack.of("aws:batch/jobDefinition:JobDefinition")
    assert definitions
    for each in definitions:
        container = each.json("containerProperties")
        place = f"{stack.recorder.account}.dkr.ecr.{stack.recorder.region}.amazonaws.com/globalbi/"
        assert container["image"].startswith(place)
        assert "@sha256:" in container["image"]
        assert container["privileged"] is False
        assert container["readonlyRootFilesystem"] is True
        assert each.inputs["retryStrategy"] == {"attempts": 1}
        assert each.inputs["timeout"]["attemptDurationSeconds"] >= 60
        assert each.inputs["deregisterOnNewRevision"] is False


def test_nothing_leads_to_the_internet(stacks: dict[str, Stack], office: str) -> None:
    """Sample data cannot leave by accident, and no NAT gateway is paid."""
    stack = stacks[office]
    kinds = {each.kind for each in stack.recorder.declared}
    assert not [
        k for k in kinds if any(word in k for word in ("atGateway", "nternetGateway", "ec2/eip", "Route:"))
    ]
    assert kinds <= set(KNOWN)
    for subnet in stack.of("aws:ec2/subnet:Subnet"):
        assert subnet.inputs["mapPublicIpOnLaunch"] is False
    assert len({subnet.inputs["availabilityZone"] for subnet in stack.of("aws:ec2/subnet:Subnet")}) >= 2
    for rule in stack.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"):
        assert "cidrIpv4" not in rule.inputs, rule.name
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (443, 443), rule.name


def test_no_resource_names_another_offices_account_but_headquarters(
    stacks: dict[str, Stack], office: str
) -> None:
    """A branch trusts headquarters at most, never another branch."""
    branches = {name: stack for name, stack in stacks.items() if "fleet_table" not in stack.outputs}
    if office not in branches:
        pytest.skip("headquarters names every office")
    others = {stack.recorder.account for name, stack in branches.items() if name != office}
    for each in stacks[office].recorder.declared:
        text = json.dumps(each.inputs, default=str)
        assert not [other for other in others if other in text], each.name
