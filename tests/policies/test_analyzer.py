"""The pack as Pulumi's analyzer sees it. Runs where pulumi-policy is installed."""

from types import SimpleNamespace
from typing import Any

import pytest

from policies.__main__ import declared, validation
from policies.declared import UNKNOWN
from policies.pack import POLICIES

proxy = pytest.importorskip("pulumi_policy.proxy")


def resource(kind: str, name: str, props: dict[str, Any], **origins: list[Any]) -> Any:
    return SimpleNamespace(
        resource_type=kind,
        name=name,
        urn=f"urn:pulumi:eu::p::{kind}::{name}",
        props=proxy.unknown_checking_proxy(props),
        provider=None if kind.startswith(("pulumi:", "globalbi:")) else "default",
        property_dependencies=origins,
    )


BUCKET = resource("aws:s3/bucket:Bucket", "b", {"bucket": "globalbi-eu-b", "tags": {}})
VERSIONING = resource(
    "aws:s3/bucketVersioning:BucketVersioning",
    "v",
    {
        "bucket": UNKNOWN,
        "versioningConfiguration": {"status": "Enabled", "mfaDelete": UNKNOWN},
        "list": [UNKNOWN],
    },
    bucket=[BUCKET],
)


def test_unknown_values_are_no_fault() -> None:
    """The analyzer raises when an unknown value is read: a first preview would end in an error."""
    stack, _ = declared([BUCKET, VERSIONING])
    inputs = stack.resources[1].inputs
    assert inputs["bucket"] == UNKNOWN
    assert inputs["versioningConfiguration"] == {"status": "Enabled", "mfaDelete": UNKNOWN}
    assert inputs["list"] == [UNKNOWN]


def test_what_is_nothing_in_aws_is_not_judged() -> None:
    """The analyzer hands over stack, components and providers too: each is of a kind that nobody knows."""
    others = [
        resource(kind, kind, {})
        for kind in ("pulumi:pulumi:Stack", "globalbi:office:BranchSite", "pulumi:providers:aws")
    ]
    stack, _ = declared([*others, BUCKET, VERSIONING])
    assert [each.name for each in stack.resources] == ["b", "v"]


def test_findings_name_policy_resource_and_urn() -> None:
    """`pulumi up` shows which resource broke which rule."""
    told: list[tuple[str, str]] = []
    for policy in POLICIES:
        validation(policy)(
            SimpleNamespace(resources=[BUCKET, VERSIONING]), lambda text, urn: told.append((text, urn))
        )
    ids = {text.split(" ")[0] for text, _ in told}
    assert "GBI-S3-1" in ids
    assert "GBI-S3-2" not in ids
    assert {urn for _, urn in told} == {BUCKET.urn}
