"""Who may take the roles, and what they may do, judged as IAM judges."""

import fnmatch
import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap import names, permissions
from bootstrap.permissions import Document
from components.names import boundary_arn, erasure_role
from components.roster import Fleet
from cost.replay import ATTRIBUTES
from policies.access import ROLE_POLICY
from policies.program import declared

ROOT = Path(__file__).parents[2]
FLEET = Fleet.load(ROOT)
EU, HQ = FLEET.office("eu"), FLEET.headquarters
SUBJECT = "repo:acme@11/platform@22"
SAMPLES = "arn:aws:s3:::globalbi-eu-uploads-222222222222/metagenome/p/s/input.tar"
AUDIT = "arn:aws:s3:::globalbi-eu-audit-222222222222/AWSLogs/222222222222/record.json.gz"
STATE = "arn:aws:s3:::globalbi-eu-state-222222222222/.pulumi/stacks/globalbi/eu.json"
LEDGER = "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger"
FLEET_TABLE = "arn:aws:dynamodb:ap-northeast-2:111111111111:table/globalbi-fleet"
ROLE = "arn:aws:iam::222222222222:role/globalbi-eu-intake"
FENCE = boundary_arn("eu", EU.account)
OURS = {
    "aws:RequestedRegion": "eu-central-1",
    "iam:PassedToService": "lambda.amazonaws.com",
    "iam:PermissionsBoundary": FENCE,
}


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def matches(patterns: Any, value: str) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in listed(patterns))


def holds(condition: dict[str, dict[str, Any]], context: dict[str, Any]) -> bool:
    """The operators that these documents use. A key that is not there fails but what asks for inequality."""
    return all(
        _holds(operator, listed(wanted), context.get(key))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, wanted: list[str], value: Any) -> bool:
    match operator:
        case "ForAllValues:StringLike":
            return matches(wanted, str(value))
        case "StringEquals" | "ForAnyValue:StringEquals" | "ArnEquals":
            return value in wanted
        case "StringNotEquals":
            return value not in wanted
        case "ForAnyValue:StringNotEquals":
            return any(each not in wanted for each in listed(value or []))
    raise AssertionError(operator)


def may(document: Document, action: str, resource: str, **context: Any) -> bool:
    """An explicit deny wins; what nothing allows is denied."""
    facts = {**OURS, **{key.replace("__", ":"): value for key, value in context.items()}}
    effects = {
        statement["Effect"]
        for statement in document["Statement"]
        if matches([each.lower() for each in listed(statement["Action"])], action.lower())
        and (
            matches(statement["Resource"], resource)
            if "Resource" in statement
            else not matches(statement["NotResource"], resource)
        )
        and holds(statement.get("Condition", {}), facts)
    }
    return effects == {"Allow"}


def deploys(action: str, resource: str, **context: str) -> bool:
    """Role and boundary must both allow."""
    return may(permissions.deploy(EU), action, resource, **context) and may(
        permissions.boundary(EU), action, resource, **context
    )


def takes(environment: str, **claims: str) -> bool:
    """Whether GitHub's token with these claims may take the role of `environment`."""
    (statement,) = permissions.trust(EU, SUBJECT, environment)["Statement"]
    return holds(statement["Condition"], {f"{names.ISSUER}:{key}": value for key, value in claims.items()})


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:environment:eu"}, True),
        ({"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:environment:eu-preview"}, False),
        ({"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:environment:us"}, False),
        ({"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:pull_request"}, False),
        ({"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:ref:refs/heads/main"}, False),
        # The name was given up and taken by somebody else: another id.
        ({"aud": "sts.amazonaws.com", "sub": "repo:acme@99/platform@98:environment:eu"}, False),
        ({"aud": "sts.amazonaws.com", "sub": "repo:acme/platform:environment:eu"}, False),
        ({"aud": "https://github.com/acme", "sub": f"{SUBJECT}:environment:eu"}, False),
        ({"sub": f"{SUBJECT}:environment:eu"}, False),
    ],
)
def test_only_this_repositorys_jobs_of_the_offices_environment_take_the_role(
    claims: dict[str, str], taken: bool
) -> None:
    """Any other repository on GitHub has tokens of the same issuer."""
    assert takes("eu", **claims) == taken


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:CreateBucket", "arn:aws:s3:::globalbi-eu-uploads-222222222222"),
        ("s3:PutObject", STATE),
        ("s3:GetObject", STATE),
        ("s3:DeleteObject", STATE),
        ("dynamodb:CreateTable", "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger"),
        ("iam:CreateRole", ROLE),
        ("iam:PutRolePolicy", ROLE),
        ("iam:PutRolePermissionsBoundary", ROLE),  # an office that was there before the boundary takes it up
        ("iam:PassRole", ROLE),
        ("batch:RegisterJobDefinition", "*"),
        ("budgets:ModifyBudget", "arn:aws:budgets::222222222222:budget/globalbi-eu"),
    ],
)
def test_the_deploy_role_makes_what_the_program_declares(action: str, resource: str) -> None:
    assert deploys(action, resource)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("s3:GetObject", SAMPLES, {}),
        ("s3:GetObjectVersion", SAMPLES, {}),
        ("s3:PutObject", SAMPLES, {}),
        ("s3:DeleteObject", SAMPLES, {}),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger", {}),
        ("dynamodb:PutItem", "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger", {}),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:222222222222:function:globalbi-eu-intake", {}),
        ("sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:222222222222:globalbi-eu-intake-queue", {}),
        # Out of the network, out of the region.
        ("ec2:CreateNatGateway", "*", {}),
        ("ec2:CreateInternetGateway", "*", {}),
        ("s3:CreateBucket", "arn:aws:s3:::globalbi-eu-copy", {"aws__RequestedRegion": "us-west-2"}),
        # More for itself.
        ("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/globalbi-eu-github-deploy", {}),
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::222222222222:role/globalbi-eu-github-preview", {}),
        ("iam:CreatePolicyVersion", "arn:aws:iam::222222222222:policy/globalbi-eu-github-boundary", {}),
        ("iam:DeleteRolePermissionsBoundary", "arn:aws:iam::222222222222:role/globalbi-eu-github-deploy", {}),
        ("iam:CreateUser", "arn:aws:iam::222222222222:user/me", {}),
        ("iam:CreateRole", "arn:aws:iam::222222222222:role/admin", {}),
        ("iam:AttachRolePolicy", ROLE, {"iam__PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("iam:PassRole", ROLE, {"iam__PassedToService": "codebuild.amazonaws.com"}),
        ("iam:UpdateOpenIDConnectProviderThumbprint", "arn:aws:iam::222222222222:oidc-provider/x", {}),
        ("organizations:LeaveOrganization", "*", {}),
        # Roles that nothing bounds: they could do all that the deploy role must not.
        *(
            (action, ROLE, {"iam__PermissionsBoundary": boundary})
            for action in ("iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy")
            for boundary in (None, "arn:aws:iam::aws:policy/AdministratorAccess")
        ),
        ("iam:DeleteRolePermissionsBoundary", ROLE, {}),
        ("iam:CreatePolicyVersion", FENCE, {}),
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::222222222222:role/globalbi-eu-break-glass", {}),
        # The state's history.
        ("s3:DeleteObjectVersion", STATE, {}),
        ("s3:DeleteBucket", "arn:aws:s3:::globalbi-eu-state-222222222222", {}),
        ("s3:PutBucketPolicy", "arn:aws:s3:::globalbi-eu-state-222222222222", {}),
        ("s3:PutBucketVersioning", "arn:aws:s3:::globalbi-eu-state-222222222222", {}),
        (
            "kms:ScheduleKeyDeletion",
            "arn:aws:kms:eu-central-1:222222222222:key/1",
            {"kms__ResourceAliases": "alias/globalbi-eu-pulumi"},
        ),
    ],
)
def test_the_deploy_role_touches_neither_samples_nor_its_own_fence(
    action: str, resource: str, context: dict[str, str]
) -> None:
    """A merged mistake, or a stolen job, must not read samples or make itself an administrator."""
    assert not deploys(action, resource, **context)


def granted(office: str, erasure: bool = False) -> set[str]:
    """Every action that a role of the program is given: of the one that erases, or of all others."""
    return {
        action
        for role in declared(office).of(ROLE_POLICY)
        if (role.at("role") == erasure_role(office)) == erasure
        for statement in role.document("policy")["Statement"]
        for action in listed(statement["Action"])
    }


# Of AWS's own policy for the container agent, and of what no office of the repository asks for now.
NOT_DECLARED = ("ec2:", "ecs:", "ssm:GetParameter")


def test_the_offices_boundary_is_what_the_program_grants() -> None:
    """Too narrow, a function is refused in AWS and nowhere before; too wide, it bounds nothing.

    A new action is added to WORK in bootstrap/permissions.py.
    """
    asked = set().union(*(granted(office.name) for office in FLEET.offices))
    assert asked <= set(permissions.WORK)
    assert {each for each in permissions.WORK if not each.startswith(NOT_DECLARED)} <= asked


def test_one_role_erases_and_the_boundary_lets_no_other() -> None:
    assert granted("eu", erasure=True) - set(permissions.WORK) == set(permissions.ERASING)
    for role, allowed in ((erasure_role("eu"), True), ("globalbi-eu-intake", False)):
        arn = f"arn:aws:iam::{EU.account}:role/{role}"
        for action in permissions.ERASING:
            assert may(permissions.work(EU), action, SAMPLES, aws__PrincipalArn=arn) == allowed
        assert not may(permissions.work(EU), "s3:DeleteObjectVersion", STATE, aws__PrincipalArn=arn)
        assert not may(permissions.work(EU), "s3:DeleteObjectVersion", AUDIT, aws__PrincipalArn=arn)


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", SAMPLES, True),
        ("dynamodb:UpdateItem", LEDGER, True),
        ("s3:GetObject", STATE, False),
        ("s3:ListBucket", "arn:aws:s3:::globalbi-eu-state-222222222222", False),
        ("s3:DeleteObjectVersion", SAMPLES, False),
        ("s3:PutBucketPolicy", "arn:aws:s3:::globalbi-eu-uploads-222222222222", False),
        ("dynamodb:DeleteTable", LEDGER, False),
        ("iam:CreateRole", ROLE, False),
        ("iam:PutRolePolicy", ROLE, False),
        ("iam:PassRole", ROLE, False),
        ("sts:AssumeRole", "arn:aws:iam::222222222222:role/globalbi-eu-github-deploy", False),
        ("ec2:RunInstances", "*", False),
        ("ec2:CreateInternetGateway", "*", False),
        ("lambda:UpdateFunctionCode", "*", False),
        ("kms:ScheduleKeyDeletion", "*", False),
        ("organizations:LeaveOrganization", "*", False),
    ],
)
def test_a_role_of_the_program_can_do_the_offices_work_and_no_more(
    action: str, resource: str, allowed: bool
) -> None:
    """Whatever a merged mistake writes into its policy."""
    assert may(permissions.work(EU), action, resource) == allowed


def test_the_boundary_holds_when_everything_is_attached() -> None:
    """With AdministratorAccess attached by hand, samples and the fence are still out of reach."""
    fence = permissions.boundary(EU)
    for action, resource in (
        ("s3:GetObject", SAMPLES),
        ("iam:PutRolePolicy", "arn:aws:iam::222222222222:role/globalbi-eu-github-deploy"),
        ("iam:DeleteRolePermissionsBoundary", ROLE),
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::222222222222:role/globalbi-eu-break-glass"),
        ("iam:CreatePolicyVersion", "arn:aws:iam::222222222222:policy/globalbi-eu-github-boundary"),
        ("iam:UpdateOpenIDConnectProviderThumbprint", names.provider_arn(EU)),
        ("iam:CreateUser", "arn:aws:iam::222222222222:user/me"),
        ("dynamodb:GetItem", LEDGER),
        ("dynamodb:PutItem", LEDGER),
        ("ec2:CreateNatGateway", "*"),
        ("organizations:LeaveOrganization", "*"),
        ("s3:PutBucketPolicy", AUDIT.partition("/")[0]),
        ("s3:PutBucketObjectLockConfiguration", AUDIT.partition("/")[0]),
        ("s3:DeleteObject", AUDIT),
        ("s3:BypassGovernanceRetention", AUDIT),
        ("cloudtrail:StopLogging", names.trail_arn(EU)),
    ):
        assert not may(fence, action, resource), action
    for action in ("kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"):
        key = "arn:aws:kms:eu-central-1:222222222222:key/1"
        assert not may(fence, action, key, kms__ResourceAliases=names.secrets_alias(EU)), action
        assert may(fence, action, key, kms__ResourceAliases="alias/globalbi-eu"), action
    assert may(fence, "iam:CreateRole", ROLE)
    assert not may(fence, "iam:CreateRole", ROLE, iam__PermissionsBoundary=None)


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", STATE, True),
        ("s3:PutObject", STATE, False),
        ("s3:GetObject", SAMPLES, False),
        ("dynamodb:Query", "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger", False),
        ("batch:DescribeJobs", "*", False),
        ("logs:GetLogEvents", "arn:aws:logs:eu-central-1:222222222222:log-group:/globalbi/eu/jobs", False),
        (
            "dynamodb:DescribeTable",
            "arn:aws:dynamodb:eu-central-1:222222222222:table/globalbi-eu-ledger",
            True,
        ),
        ("ec2:DescribeVpcs", "*", True),
    ],
)
def test_the_preview_role_reads_settings_and_no_samples(action: str, resource: str, allowed: bool) -> None:
    """It runs a pull request's code that nobody has read. AWS's ReadOnlyAccess alone reads every object."""
    read_only = permissions.allow(
        "AsReadOnlyAccess", ("s3:Get*", "s3:List*", "*:Describe*", "dynamodb:*", "logs:*"), "*"
    )
    inline = permissions.preview(EU)["Statement"]
    changes = action.startswith("s3:Put")
    assert may(permissions.document(*([] if changes else [read_only]), *inline), action, resource) == allowed


FIGURES = ["by_office", "state", *ATTRIBUTES]
BY_OFFICE = f"{FLEET_TABLE}/index/by_office"
SPECIFIC = {"dynamodb__Select": "SPECIFIC_ATTRIBUTES"}


@pytest.mark.parametrize(
    ("office", "resource", "context", "allowed"),
    [
        (HQ, BY_OFFICE, {**SPECIFIC, "dynamodb__Attributes": FIGURES}, True),
        *(
            (HQ, BY_OFFICE, {**SPECIFIC, "dynamodb__Attributes": [*FIGURES, name]}, False)
            for name in ("sample", "project", "results_prefix", "message", "by_sample")
        ),
        # Without a projection DynamoDB gives all of an index.
        (HQ, BY_OFFICE, {}, False),
        (HQ, BY_OFFICE, {"dynamodb__Select": "ALL_PROJECTED_ATTRIBUTES"}, False),
        (HQ, FLEET_TABLE, {**SPECIFIC, "dynamodb__Attributes": FIGURES}, False),
        (HQ, f"{FLEET_TABLE}/index/by_sample", {**SPECIFIC, "dynamodb__Attributes": FIGURES}, False),
        (HQ, "arn:aws:dynamodb:ap-northeast-2:111111111111:table/globalbi-hq-ledger", SPECIFIC, False),
        (EU, BY_OFFICE, {**SPECIFIC, "dynamodb__Attributes": FIGURES}, False),
    ],
)
def test_a_preview_learns_what_runs_took_and_no_name(
    office: Any, resource: str, context: dict[str, Any], allowed: bool
) -> None:
    """A pull request's code could else print every customer's samples into a log that many read."""
    read_only = permissions.allow("AsReadOnlyAccess", ("dynamodb:*",), "*")
    held = permissions.document(read_only, *permissions.preview(office)["Statement"])
    assert may(held, "dynamodb:Query", resource, **context) == allowed
    assert not may(held, "dynamodb:Scan", resource, **context)
    assert not may(held, "dynamodb:GetItem", resource, **context)


def test_the_images_role_pushes_and_does_nothing_else() -> None:
    repository = "arn:aws:ecr:ap-northeast-2:111111111111:repository/globalbi/metagenome"
    assert may(permissions.images(HQ), "ecr:PutImage", repository)
    for action in ("BatchDeleteImage", "SetRepositoryPolicy", "PutImageTagMutability", "DeleteRepository"):
        assert not may(permissions.images(HQ), f"ecr:{action}", repository)
    assert not may(permissions.images(HQ), "ecr:PutImage", repository.replace("globalbi/", "other/"))
    assert not may(permissions.images(HQ), "s3:ListBucket", "arn:aws:s3:::globalbi-hq-uploads-111111111111")


@pytest.mark.parametrize(
    ("action", "resource", "context", "allowed"),
    [
        ("ecr:DescribeImages", "arn:aws:ecr:ap-northeast-2:111111111111:repository/globalbi/x", {}, True),
        ("ecr:PutImage", "arn:aws:ecr:ap-northeast-2:111111111111:repository/globalbi/x", {}, False),
        ("dynamodb:Query", f"{FLEET_TABLE}/index/by_release", {}, True),
        ("dynamodb:PutItem", FLEET_TABLE, {"dynamodb__LeadingKeys": "canary#metagenome"}, True),
        # A row of a run: a promotion could else be proved by writing its proof.
        ("dynamodb:PutItem", FLEET_TABLE, {"dynamodb__LeadingKeys": "office#eu"}, False),
        ("dynamodb:DeleteItem", FLEET_TABLE, {"dynamodb__LeadingKeys": "canary#metagenome"}, False),
        ("s3:GetObject", "arn:aws:s3:::globalbi-hq-references-111111111111/demo/1/hash.k2d", {}, True),
        ("s3:GetObject", "arn:aws:s3:::globalbi-hq-results-111111111111/m/p/s/report.html", {}, False),
        ("s3:PutObject", "arn:aws:s3:::globalbi-hq-references-111111111111/demo/1/hash.k2d", {}, False),
    ],
)
def test_the_promote_role_asks_and_keeps_canaries(
    action: str, resource: str, context: dict[str, str], allowed: bool
) -> None:
    """It runs an image that is still on trial: whatever that does, no sample and no proof is in its reach."""
    assert may(permissions.promote(HQ), action, resource, **context) == allowed


def test_the_promote_role_of_a_branch_only_looks() -> None:
    """Headquarters' workflow sees there whether image and references came, and nothing else."""
    references = "arn:aws:s3:::globalbi-eu-references-222222222222/demo/1"
    assert may(permissions.promote(EU), "s3:GetObject", f"{references}/SHA256SUMS")
    assert not may(permissions.promote(EU), "s3:GetObject", f"{references}/hash.k2d")
    assert not may(permissions.promote(EU), "s3:GetObject", SAMPLES)
    assert not may(permissions.promote(EU), "dynamodb:Query", "arn:aws:dynamodb:::table/globalbi-eu-ledger")


@pytest.mark.parametrize("office", FLEET.offices, ids=lambda office: office.name)
def test_the_documents_fit_into_what_iam_takes(office: Any) -> None:
    """IAM counts without spaces: 6,144 for a policy, 10,240 for a role's own."""

    def size(document: Document) -> int:
        return len(json.dumps(document, separators=(",", ":")))

    assert size(permissions.boundary(office)) <= 6144
    assert size(permissions.work(office)) <= 6144
    assert size(permissions.deploy(office)) <= 10_240
    assert size(permissions.preview(office)) <= 10_240
