"""Resource options that every component uses alike."""

from collections.abc import Sequence

import pulumi


def child_of(
    parent: pulumi.Resource, *, keep: bool = False, after: Sequence[pulumi.Resource] = ()
) -> pulumi.ResourceOptions:
    """Options of a component's child. `keep` protects what holds data from `pulumi destroy` and from
    replacement; Pulumi hands that on to its children, so a bucket's settings stay with the bucket.
    """
    return pulumi.ResourceOptions(
        parent=parent, protect=True if keep else None, depends_on=list(after) or None
    )
