"""Registry: one ECR repository for each pipeline, in every office; images are pushed to headquarters' and
replicate.

Tags cannot be moved, every image is scanned when it is pushed, and jobs name images by digest. Replication
skips images that were pushed before its rule, and has no time limit: look before a release is promoted.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.names import PREFIX, image_address, repository_name
from components.office import Office
from components.options import child_of
from components.permission import Permission, policy, root_of
from components.tags import tags

# Images without a tag are layers of a build that was pushed again. Releases name tagged images, which stay.
UNTAGGED_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    office: Office
    headquarters: Office
    pipelines: Iterable[str]
    key_arn: pulumi.Input[str]


class Registry(pulumi.ComponentResource):
    """Repositories of all pipelines, made here so that replication finds them with the right settings."""

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Registry", name, None, opts)
        office = args.office
        self._office = office
        self._arns: list[pulumi.Output[str]] = []
        for pipeline in sorted(args.pipelines):
            repository = aws.ecr.Repository(
                f"{name}-{pipeline}",
                name=repository_name(pipeline),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(
                    scan_on_push=True
                ),
                encryption_configurations=[
                    aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
                ],
                tags=tags(office.name, "registry"),
                opts=child_of(self, keep=True),
            )
            aws.ecr.LifecyclePolicy(
                f"{name}-{pipeline}-lifecycle",
                repository=repository.name,
                policy=json.dumps({"rules": [_forget_untagged()]}),
                opts=child_of(repository),
            )
            self._arns.append(repository.arn)
        if not office.headquarters:
            aws.ecr.RegistryPolicy(
                f"{name}-policy",
                policy=policy([_accept_replication(office, args.headquarters)]),
                opts=child_of(self),
            )
        self.pull = Permission(
            sid="PullImages",
            actions=("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            resources=self._arns,
        )
        # ECR: the token is the registry's, not a repository's, and knows no resource but "*".
        self.sign_in = Permission(
            sid="SignInToRegistry", actions=("ecr:GetAuthorizationToken",), resources=["*"]
        )
        self.register_outputs({})

    def image(self, pipeline: str, digest: str) -> str:
        """The image of a pipeline in the office's own registry."""
        return image_address(self._office.account, self._office.region, pipeline, digest)


@dataclass(frozen=True, kw_only=True)
class RegistryReplicationArgs:
    branches: Sequence[Office]


class RegistryReplication(pulumi.ComponentResource):
    """Headquarters' registry copies every image of the project to every branch."""

    def __init__(
        self, name: str, args: RegistryReplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:headquarters:RegistryReplication", name, None, opts)
        aws.ecr.ReplicationConfiguration(
            name,
            replication_configuration=aws.ecr.ReplicationConfigurationReplicationConfigurationArgs(
                rules=[
                    aws.ecr.ReplicationConfigurationReplicationConfigurationRuleArgs(
                        destinations=[
                            aws.ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs(
                                region=branch.region, registry_id=branch.account
                            )
                            for branch in args.branches
                        ],
                        repository_filters=[
                            aws.ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs(
                                filter=f"{PREFIX}/", filter_type="PREFIX_MATCH"
                            )
                        ],
                    )
                ]
            ),
            opts=child_of(self),
        )
        self.register_outputs({})


def _forget_untagged() -> dict[str, object]:
    return {
        "rulePriority": 1,
        "description": "Layers without a tag",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }


def _accept_replication(office: Office, headquarters: Office) -> dict[str, object]:
    return {
        "Sid": "HeadquartersReplicatesImages",
        "Effect": "Allow",
        "Principal": {"AWS": root_of(headquarters.account)},
        # ECR asks for CreateRepository also where the repository is there.
        "Action": ["ecr:ReplicateImage", "ecr:CreateRepository"],
        "Resource": f"arn:aws:ecr:{office.region}:{office.account}:repository/{PREFIX}/*",
    }
