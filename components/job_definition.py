"""A release's job definition: one pipeline at one image digest, with the role its jobs run under.

A new digest is a new revision; the old one stays, for the runs that started with it. None is ever taken away:
revisions cost nothing, and a run that was claimed a moment ago may name any of them.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.bucket import Bucket
from components.compute import Compute
from components.key import OfficeKey
from components.ledger import Ledger
from components.names import boundary_arn, job_definition_name, physical
from components.office import Office, PinnedRelease
from components.options import child_of
from components.permission import inline_policy, trust_service
from components.pipeline import Pipeline
from components.registry import Registry
from components.tags import tags
from handlers.release import Release

SCRATCH = "/scratch"
JOB_USER = "10001:10001"  # of the runner's image, on which all others stand


@dataclass(frozen=True, kw_only=True)
class JobDefinitionArgs:
    office: Office
    pipeline: Pipeline
    release: PinnedRelease
    registry: Registry
    compute: Compute
    key: OfficeKey
    ledger: Ledger
    uploads: Bucket
    results: Bucket
    references: Bucket


class JobDefinition(pulumi.ComponentResource):
    """`globalbi-<office>-<pipeline>`; each attempt of a run is one job of it."""

    def __init__(
        self, name: str, args: JobDefinitionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:office:JobDefinition", name, None, opts)
        self._args = args
        office, pipeline = args.office, args.pipeline
        labels = tags(office.name, "job", **{"globalbi:pipeline": pipeline.name})
        definition = aws.batch.JobDefinition(
            name,
            name=job_definition_name(office.name, pipeline.name),
            type="container",
            platform_capabilities=["EC2"],
            container_properties=pulumi.Output.json_dumps(self._container(self._job_role(labels))),
            # One job is one attempt: Batch's own retries cannot ask for more memory or another queue.
            retry_strategy=aws.batch.JobDefinitionRetryStrategyArgs(attempts=1),
            # Each job states its own limit; this one holds for a job that somebody submits by hand.
            timeout=aws.batch.JobDefinitionTimeoutArgs(
                attempt_duration_seconds=60 * max(1, pipeline.time_limit_minutes.base)
            ),
            propagate_tags=True,
            # Runs in progress keep the revision that they started with.
            deregister_on_new_revision=False,
            tags=labels,
            opts=child_of(self),
        )
        self.arn = definition.arn
        self.register_outputs({"arn": self.arn})

    def release(self, arn: str) -> Release:
        """The release as the handlers know it, `arn` being the job definition's with its revision."""
        pinned = self._args.release
        return self._args.pipeline.release(
            digest=pinned.digest, job_definition=arn, versions=pinned.references
        )

    def _job_role(self, labels: dict[str, str]) -> pulumi.Output[str]:
        """What the container may do: read its uploads and references, write its results, hold its lease."""
        args = self._args
        name = physical(args.office.name, args.pipeline.name, "job")
        folder = f"{args.pipeline.name}/"
        before = [f"{name}/" for name in args.pipeline.predecessors if name in args.office.releases]
        # Results of one sample are read beside the reads that they were made from, those of a project alone.
        reads = [folder] if args.pipeline.per_project else [folder, *before]
        role = aws.iam.Role(
            name,
            name=name,
            permissions_boundary=boundary_arn(args.office.name, args.office.account),
            assume_role_policy=trust_service("ecs-tasks.amazonaws.com", args.office.account),
            tags=labels,
            opts=child_of(self),
        )
        aws.iam.RolePolicy(
            name,
            name="run",
            role=role.name,
            policy=inline_policy(
                [
                    args.uploads.within(args.uploads.read_versions, *reads),
                    args.references.read,
                    args.references.list,  # so that a missing reference is told from a forbidden one
                    args.results.within(args.results.write, folder),
                    # Who finds a manifest already there compares it with its own.
                    args.results.within(args.results.read, folder, *before),
                    args.ledger.lease,
                    args.key.use,
                ]
            ),
            opts=child_of(role),
        )
        return role.arn

    def _container(self, job_role: pulumi.Output[str]) -> dict[str, Any]:
        args = self._args
        resources = args.pipeline.resources
        return {
            "image": args.registry.image(args.pipeline.name, args.release.digest),
            "command": ["job"],
            "jobRoleArn": job_role,
            "executionRoleArn": args.compute.execution_role_arn,
            "resourceRequirements": [
                {"type": "VCPU", "value": str(resources.vcpus)},
                {"type": "MEMORY", "value": str(resources.memory_mib.base)},
            ],
            # On EC2 neither Batch nor the agent tells a container its region.
            "environment": [
                {"name": name, "value": args.office.region} for name in ("AWS_DEFAULT_REGION", "AWS_REGION")
            ],
            "volumes": [{"name": "scratch", "host": {"sourcePath": SCRATCH}}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": SCRATCH, "readOnly": False}],
            # Whatever an image says of itself: the instance keeps its credentials from all but root.
            "user": JOB_USER,
            "privileged": False,
            # A pipeline writes to the scratch disk; what it runs stays what HQ has built.
            "readonlyRootFilesystem": True,
            # A first process that passes SIGTERM on and reaps what a pipeline's tools leave behind.
            "linuxParameters": {"initProcessEnabled": True},
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": args.compute.log_group,
                    "awslogs-region": args.office.region,
                    "awslogs-stream-prefix": args.pipeline.name,
                },
            },
        }
