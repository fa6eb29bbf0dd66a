"""IAM: roles, their policies and instance profiles."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

import contextlib
import json
from typing import Any, cast

from bootstrap.permissions import work
from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, tag_list, taken


def _fence(target: Target, boundary: str) -> None:
    """The bootstrap's policy, where an office comes up without a bootstrap."""
    client = target.client("iam")
    try:
        client.get_policy(PolicyArn=boundary)
    except client.exceptions.NoSuchEntityException:
        wanted = json.dumps(work(cast(Any, target.office)))
        # Roles are made at once, each in a thread of its own.
        with contextlib.suppress(client.exceptions.EntityAlreadyExistsException):
            client.create_policy(PolicyName=boundary.rpartition("/")[2], PolicyDocument=wanted)


def _create_role(target: Target, name: str, inputs: Inputs) -> Made:
    words = {"Description": "description", "MaxSessionDuration": "maxSessionDuration", "Path": "path"}
    client = target.client("iam")

    def create() -> Any:
        return client.create_role(
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Tags=tag_list(inputs),
            **taken(inputs, PermissionsBoundary="permissionsBoundary", **words),
        )["Role"]

    try:
        role = create()
    except client.exceptions.NoSuchEntityException:
        _fence(target, inputs["permissionsBoundary"])
        role = create()
    return Made(id=inputs["name"], outputs={"arn": role["Arn"], "uniqueId": role["RoleId"]})


def _update_role(target: Target, change: Change) -> Outputs:
    client = target.client("iam")
    if changed(change, "assumeRolePolicy"):
        client.update_assume_role_policy(RoleName=change.id, PolicyDocument=change.new["assumeRolePolicy"])
    if changed(change, "description", "maxSessionDuration"):
        client.update_role(
            RoleName=change.id,
            **taken(change.new, Description="description", MaxSessionDuration="maxSessionDuration"),
        )
    if changed(change, "permissionsBoundary"):
        if boundary := change.new.get("permissionsBoundary"):
            client.put_role_permissions_boundary(RoleName=change.id, PermissionsBoundary=boundary)
        else:
            client.delete_role_permissions_boundary(RoleName=change.id)
    if changed(change, "tags"):
        client.tag_role(RoleName=change.id, Tags=tag_list(change.new))
    return {}


def _put_policy(target: Target, inputs: Inputs) -> None:
    target.client("iam").put_role_policy(
        RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
    )


def _create_policy(target: Target, name: str, inputs: Inputs) -> Made:
    _put_policy(target, inputs)
    return Made(id=f"{inputs['role']}:{inputs['name']}")


def _update_policy(target: Target, change: Change) -> Outputs:
    _put_policy(target, change.new)
    return {}


def _delete_policy(target: Target, change: Change) -> None:
    target.client("iam").delete_role_policy(RoleName=change.old["role"], PolicyName=change.old["name"])


def _attach(target: Target, name: str, inputs: Inputs) -> Made:
    target.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return Made(id=f"{inputs['role']}-{inputs['policyArn']}")


def _detach(target: Target, change: Change) -> None:
    target.client("iam").detach_role_policy(RoleName=change.old["role"], PolicyArn=change.old["policyArn"])


def _create_profile(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("iam")
    made = client.create_instance_profile(InstanceProfileName=inputs["name"], Tags=tag_list(inputs))
    client.add_role_to_instance_profile(InstanceProfileName=inputs["name"], RoleName=inputs["role"])
    return Made(id=inputs["name"], outputs={"arn": made["InstanceProfile"]["Arn"]})


def _update_profile(target: Target, change: Change) -> Outputs:
    client = target.client("iam")
    if changed(change, "role"):
        client.remove_role_from_instance_profile(InstanceProfileName=change.id, RoleName=change.old["role"])
        client.add_role_to_instance_profile(InstanceProfileName=change.id, RoleName=change.new["role"])
    return {}


def _delete_profile(target: Target, change: Change) -> None:
    client = target.client("iam")
    client.remove_role_from_instance_profile(InstanceProfileName=change.id, RoleName=change.old["role"])
    client.delete_instance_profile(InstanceProfileName=change.id)


KINDS = (
    Kind(
        type="aws:iam/role:Role",
        create=_create_role,
        update=_update_role,
        delete=lambda t, c: t.client("iam").delete_role(RoleName=c.id),
        fixed=frozenset({"name", "path"}),
        named="name",
    ),
    Kind(
        type="aws:iam/rolePolicy:RolePolicy",
        create=_create_policy,
        update=_update_policy,
        delete=_delete_policy,
        fixed=frozenset({"name", "role"}),
        named="name",
    ),
    Kind(type="aws:iam/rolePolicyAttachment:RolePolicyAttachment", create=_attach, delete=_detach),
    Kind(
        type="aws:iam/instanceProfile:InstanceProfile",
        create=_create_profile,
        update=_update_profile,
        delete=_delete_profile,
        fixed=frozenset({"name"}),
        named="name",
    ),
)
