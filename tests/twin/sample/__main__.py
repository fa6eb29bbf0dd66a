"""A program with what the deployer must tell apart: an update, a replacement, a resource that goes, and a
new one.
"""

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
queues = [
    aws.sqs.Queue(name, name=name, visibility_timeout_seconds=config.require_int("visibility"))
    for name in config.require_object("queues")
]
environment = aws.batch.ComputeEnvironment(
    "workers",
    type="MANAGED",
    compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(
        type="SPOT",
        max_vcpus=2,
        instance_types=["optimal"],
        subnets=["subnet-1"],
        security_group_ids=["sg-1"],
    ),
)
aws.batch.JobQueue(
    "jobs",
    name="jobs",
    state="ENABLED",
    priority=1,
    compute_environment_orders=[
        aws.batch.JobQueueComputeEnvironmentOrderArgs(order=1, compute_environment=environment.arn)
    ],
)
definition = aws.batch.JobDefinition(
    "work",
    name="work",
    type="container",
    deregister_on_new_revision=False,
    container_properties=pulumi.Output.json_dumps({"image": "an-image", "command": [config.require("kind")]}),
)
if config.get("further"):
    getattr(aws, config.require("further")).Workspace("unknown")
pulumi.export("first", queues[0].url)
pulumi.export("definition", definition.arn)
pulumi.export("account", aws.get_caller_identity().account_id)
