"""ECR: repositories. What ministack has no call for is kept as declared; the twin's Batch finds images by
itself.
"""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import (
    Change,
    Inputs,
    Kind,
    Made,
    Outputs,
    Target,
    changed,
    declared_only,
    setting,
    tag_list,
)


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    given = {}
    if encryption := (inputs.get("encryptionConfigurations") or [None])[0]:
        given["encryptionConfiguration"] = {
            "encryptionType": encryption["encryptionType"],
            **({"kmsKey": encryption["kmsKey"]} if encryption.get("kmsKey") else {}),
        }
    made = target.client("ecr").create_repository(
        repositoryName=inputs["name"],
        imageTagMutability=inputs.get("imageTagMutability", "MUTABLE"),
        imageScanningConfiguration=inputs.get("imageScanningConfiguration") or {"scanOnPush": False},
        tags=tag_list(inputs),
        **given,
    )["repository"]
    return Made(
        id=inputs["name"],
        outputs={
            "arn": made["repositoryArn"],
            "registryId": target.account,
            "repositoryUrl": f"{target.account}.dkr.ecr.{target.region}.amazonaws.com/{inputs['name']}",
        },
    )


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("ecr")
    if changed(change, "imageTagMutability"):
        client.put_image_tag_mutability(
            repositoryName=change.id, imageTagMutability=change.new.get("imageTagMutability", "MUTABLE")
        )
    if changed(change, "imageScanningConfiguration"):
        client.put_image_scanning_configuration(
            repositoryName=change.id, imageScanningConfiguration=change.new["imageScanningConfiguration"]
        )
    if changed(change, "tags"):
        client.tag_resource(resourceArn=change.outputs["arn"], tags=tag_list(change.new))
    return {}


def _lifecycle(target: Target, inputs: Inputs) -> None:
    target.client("ecr").put_lifecycle_policy(
        repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"]
    )


KINDS = (
    Kind(
        type="aws:ecr/repository:Repository",
        create=_create,
        update=_update,
        delete=lambda t, c: t.client("ecr").delete_repository(
            repositoryName=c.id, force=bool(c.old.get("forceDelete"))
        ),
        fixed=frozenset({"name", "encryptionConfigurations"}),
        named="name",
    ),
    setting(
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        _lifecycle,
        lambda t, i: t.client("ecr").delete_lifecycle_policy(repositoryName=i["repository"]),
        id="repository",
    ),
    declared_only("aws:ecr/registryPolicy:RegistryPolicy", "ministack's ECR has no PutRegistryPolicy"),
    declared_only(
        "aws:ecr/replicationConfiguration:ReplicationConfiguration",
        "ministack's ECR has no PutReplicationConfiguration, and the twin's images are this machine's own",
    ),
)
