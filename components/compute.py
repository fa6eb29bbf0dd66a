"""Compute: AWS Batch on EC2, Spot first and on demand as fallback, with the instance's NVMe as scratch.

Two job queues: `spot` takes Spot capacity and falls back to on demand when there is none; `on-demand` is for
runs that Spot reclaimed too often, and for those that waited too long.
"""

import base64
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.key import OfficeKey
from components.names import boundary_arn, physical
from components.network import Network
from components.office import Office
from components.options import child_of
from components.permission import Permission, inline_policy, trust_service, trust_service_plainly
from components.registry import Registry
from components.tags import tags
from handlers.cost import ROOT_VOLUME_GIB

LOG_DAYS = 90
USER_DATA = Path(__file__).with_name("scratch.sh")
# Seconds; AWS allows 600 to 86,400 and acts on the head of the queue only.
HOPELESS_AFTER_S = 600
# A job that no instance of the environment can hold would block the queue for ever.
HOPELESS = ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")
# An infrastructure update lets running jobs finish, within this time.
UPDATE_PATIENCE_MINUTES = 24 * 60


@dataclass(frozen=True, kw_only=True)
class ComputeArgs:
    office: Office
    key: OfficeKey
    network: Network
    registry: Registry


class Compute(pulumi.ComponentResource):
    """Compute environments, job queues, the log group of jobs, and the role that starts them."""

    def __init__(self, name: str, args: ComputeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Compute", name, None, opts)
        self._office, self._network = args.office, args.network
        self._tags = tags(args.office.name, "compute")
        logs = aws.cloudwatch.LogGroup(
            f"{name}-jobs",
            name=f"/globalbi/{args.office.name}/jobs",
            retention_in_days=LOG_DAYS,
            kms_key_id=args.key.arn,
            tags=self._tags,
            opts=child_of(self),
        )
        self.log_group = logs.name
        self.execution_role_arn = self._execution_role(logs, args.registry)
        template = self._launch_template()
        profile = self._instance_profile()
        spot = self._environment("spot", "SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED", template, profile)
        on_demand = self._environment("on-demand", "EC2", "BEST_FIT_PROGRESSIVE", template, profile)
        self.spot_queue_arn = self._queue("spot", [spot, on_demand]).arn
        self.on_demand_queue_arn = self._queue("on-demand", [on_demand]).arn
        self._grant()
        self.register_outputs({"spot": self.spot_queue_arn, "on_demand": self.on_demand_queue_arn})

    def _grant(self) -> None:
        office = self._office
        batch = f"arn:aws:batch:{office.region}:{office.account}"
        definitions = f"{batch}:job-definition/{physical(office.name)}-*"
        self.submit = Permission(
            sid="SubmitJobs",
            actions=("batch:SubmitJob",),
            # Any revision: a run's next attempt uses the release that its first one used.
            resources=[definitions, self.spot_queue_arn, self.on_demand_queue_arn],
        )
        # SubmitJob with tags tags the job, whose id is not known before.
        self.tag = Permission(
            sid="TagJobs", actions=("batch:TagResource",), resources=[f"{batch}:job/*", definitions]
        )
        self.terminate = Permission(
            sid="EndJobs", actions=("batch:TerminateJob",), resources=[f"{batch}:job/*"]
        )
        # AWS Batch: both know no resource but "*".
        self.find = Permission(sid="FindJobs", actions=("batch:ListJobs",), resources=["*"])
        self.look_up = Permission(sid="LookUpJobs", actions=("batch:DescribeJobs",), resources=["*"])

    def _execution_role(self, logs: aws.cloudwatch.LogGroup, registry: Registry) -> pulumi.Output[str]:
        """The role by which the container agent pulls images and opens log streams."""
        name = physical(self._office.name, "execution")
        role = aws.iam.Role(
            name,
            name=name,
            permissions_boundary=boundary_arn(self._office.name, self._office.account),
            assume_role_policy=trust_service("ecs-tasks.amazonaws.com", self._office.account),
            tags=self._tags,
            opts=child_of(self),
        )
        aws.iam.RolePolicy(
            name,
            name="start-jobs",
            role=role.name,
            policy=inline_policy(
                [
                    registry.sign_in,
                    registry.pull,
                    Permission(
                        sid="WriteJobLogs",
                        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
                        resources=[pulumi.Output.concat(logs.arn, ":*")],
                    ),
                ]
            ),
            opts=child_of(role),
        )
        return role.arn

    def _instance_profile(self) -> aws.iam.InstanceProfile:
        """What an instance itself may do: join the cluster that AWS Batch made for it."""
        name = physical(self._office.name, "instance")
        role = aws.iam.Role(
            name,
            name=name,
            permissions_boundary=boundary_arn(self._office.name, self._office.account),
            assume_role_policy=trust_service_plainly("ec2.amazonaws.com"),
            tags=self._tags,
            opts=child_of(self),
        )
        attached = aws.iam.RolePolicyAttachment(
            name,
            role=role.name,
            # AWS's own policy for the container agent: Batch names the cluster itself, so none of ours could.
            policy_arn="arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
            opts=child_of(role),
        )
        return aws.iam.InstanceProfile(
            name, name=name, role=role.name, tags=self._tags, opts=child_of(role, after=[attached])
        )

    def _launch_template(self) -> aws.ec2.LaunchTemplate:
        name = physical(self._office.name, "instance")
        return aws.ec2.LaunchTemplate(
            name,
            name=name,
            description="NVMe as /scratch, IMDSv2 for root only, encrypted root volume",
            update_default_version=True,
            user_data=base64.b64encode(user_data().encode()).decode(),
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                # A container behind a bridge is a hop too far away. Jobs share the host's network and are
                # kept off by the first script; their own role is from the agent's credentials endpoint,
                # which is not the metadata service.
                http_put_response_hop_limit=1,
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=ROOT_VOLUME_GIB,
                        volume_type="gp3",
                        # With AWS's key for EBS: a key of ours would need grants to the Auto Scaling service
                        # role, and no sample touches this volume. The NVMe is encrypted by the hardware.
                        encrypted="true",
                        delete_on_termination="true",
                    ),
                )
            ],
            tags=self._tags,
            opts=child_of(self),
        )

    def _environment(
        self,
        role: str,
        kind: str,
        strategy: str,
        template: aws.ec2.LaunchTemplate,
        profile: aws.iam.InstanceProfile,
    ) -> aws.batch.ComputeEnvironment:
        limits = self._office.settings.compute
        # No physical name: Pulumi adds a suffix, so that a replacement can stand beside what it replaces,
        # which the queues still use. No service role: only with Batch's own does a change of template or
        # families become an update.
        return aws.batch.ComputeEnvironment(
            physical(self._office.name, role, limit=100),
            type="MANAGED",
            state="ENABLED",
            compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(
                type=kind,
                allocation_strategy=strategy,
                min_vcpus=0,
                max_vcpus=limits.max_vcpus,
                instance_types=list(limits.instance_families),
                ec2_configurations=[
                    aws.batch.ComputeEnvironmentComputeResourcesEc2ConfigurationArgs(image_type="ECS_AL2023")
                ],
                instance_role=profile.arn,
                subnets=self._network.subnet_ids,
                security_group_ids=self._network.instance_group_ids,
                launch_template=aws.batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
                    launch_template_id=template.id,
                    # Batch looks at $Latest only during an infrastructure update; the number makes a new
                    # version one.
                    version=template.latest_version.apply(lambda version: str(int(version))),
                ),
                tags={**self._tags, "Name": physical(self._office.name, role)},
            ),
            update_policy=aws.batch.ComputeEnvironmentUpdatePolicyArgs(
                job_execution_timeout_minutes=UPDATE_PATIENCE_MINUTES, terminate_jobs_on_update=False
            ),
            tags=self._tags,
            opts=child_of(self),
        )

    def _queue(self, role: str, environments: list[aws.batch.ComputeEnvironment]) -> aws.batch.JobQueue:
        name = physical(self._office.name, role, limit=128)
        return aws.batch.JobQueue(
            f"{name}-queue",
            name=name,
            state="ENABLED",
            priority=1,
            compute_environment_orders=[
                aws.batch.JobQueueComputeEnvironmentOrderArgs(order=order, compute_environment=each.arn)
                for order, each in enumerate(environments, start=1)
            ],
            job_state_time_limit_actions=[
                aws.batch.JobQueueJobStateTimeLimitActionArgs(
                    state="RUNNABLE", action="CANCEL", reason=reason, max_time_seconds=HOPELESS_AFTER_S
                )
                for reason in HOPELESS
            ],
            tags=self._tags,
            opts=child_of(self),
        )


def user_data() -> str:
    """The instance's first script. AWS Batch merges its own part, hence MIME multi-part."""
    boundary = "==GLOBALBI=="
    return "\n".join(
        (
            "MIME-Version: 1.0",
            f'Content-Type: multipart/mixed; boundary="{boundary}"',
            "",
            f"--{boundary}",
            'Content-Type: text/x-shellscript; charset="us-ascii"',
            "",
            USER_DATA.read_text().rstrip(),
            "",
            f"--{boundary}--",
            "",
        )
    )
