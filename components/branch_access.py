"""Branch access: what branch staff may do, and nothing else: upload `input.tar`, read results."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.bucket import Bucket
from components.key import OfficeKey
from components.names import boundary_arn, physical
from components.office import Office
from components.options import child_of
from components.permission import POLICY_VERSION, Permission, inline_policy, root_of
from components.tags import tags

SESSION_SECONDS = 12 * 3600  # an upload over a slow line lasts


@dataclass(frozen=True, kw_only=True)
class BranchAccessArgs:
    office: Office
    pipelines: Iterable[str]
    uploads: Bucket
    results: Bucket
    key: OfficeKey


class BranchAccess(pulumi.ComponentResource):
    """The role `globalbi-<office>-branch`. The account's own IAM decides which of its users may take it."""

    def __init__(self, name: str, args: BranchAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:BranchAccess", name, None, opts)
        office = args.office
        role = aws.iam.Role(
            name,
            name=physical(office.name, "branch"),
            permissions_boundary=boundary_arn(office.name, office.account),
            description="Branch staff: upload input.tar, read results",
            max_session_duration=SESSION_SECONDS,
            assume_role_policy=json.dumps(
                {
                    "Version": POLICY_VERSION,
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": root_of(office.account)},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            tags=tags(office.name, "branch"),
            opts=child_of(self),
        )
        upload = Permission(
            sid="UploadInput",
            # A large file goes up in parts: to go on after a break one must see them, to give up remove them.
            actions=("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
            resources=[
                pulumi.Output.concat(args.uploads.arn, f"/{pipeline}/*/input.tar")
                for pipeline in sorted(args.pipelines)
            ],
        )
        aws.iam.RolePolicy(
            f"{name}-may",
            name="upload-and-read",
            role=role.name,
            policy=inline_policy([upload, args.results.read, args.results.list, args.key.use]),
            opts=child_of(role),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})
