"""The service control policy, tried by an administrator whom it binds.

The twin knows no organizations. Here the policy stands, with the FullAWSAccess that AWS attaches beside it,
as the permissions boundary of a role that otherwise may do everything: AWS judges both alike.
"""

import json

import pytest
from botocore.exceptions import ClientError

from bootstrap import names
from bootstrap.__main__ import main
from bootstrap.organization import MOST_CHARACTERS, service_control_policy
from bootstrap.permissions import allow
from components.roster import Fleet
from tests.conftest import ROOT
from tests.security.calls import CALLS, Thing
from tests.security.identities import Place, Reach, make_administrator, taken
from tests.security.table import NO, READS, YES, Row
from tests.security.test_table import outcome
from tests.three_offices import known_fleet

pytestmark = pytest.mark.xdist_group("security")

FLEET, OWN = known_fleet(), Fleet.load(ROOT)
EU = FLEET.office("eu")
BOUND, GLASS = "globalbi-eu-people", names.break_glass(EU)
SCRATCH = "metagenome/soil/S9/r9/report.html"  # the table's rows need what the others find
FORBIDDEN = (
    ("s3:DeleteObjectVersion", f"eu uploads {READS}", "reads of before stay"),
    ("s3:PutBucketPolicy", "eu results -", "no bucket is opened by hand"),
    ("s3:PutBucketPublicAccessBlock", "eu uploads -", "nor made public"),
    ("s3:PutBucketVersioning", "eu uploads -", "nor loses its versions"),
    ("s3:DeleteBucket", "eu state -", "the state stays"),
    ("kms:ScheduleKeyDeletion", "eu key -", "without its key all is lost"),
    ("ec2:CreateInternetGateway", "eu network -", "there is no way out"),
    ("iam:CreateUser", "eu user me", "nobody has keys that last"),
    ("iam:PutRolePolicy", "eu role globalbi-eu-github-deploy", "the deploy role's fence stays"),
    ("iam:DeleteRolePermissionsBoundary", "eu role globalbi-eu-github-deploy", "its boundary, too"),
    ("iam:PutRolePolicy", "eu role globalbi-eu-erasure", "nor does it get more to delete"),
    ("iam:AttachRolePolicy", "eu role globalbi-eu-erasure", "by no policy"),
    ("iam:CreatePolicyVersion", "eu policy globalbi-eu-github-boundary", "nor is it widened"),
    ("cloudtrail:StopLogging", "eu trail globalbi-eu-audit", "who touched what stays recorded"),
    ("organizations:LeaveOrganization", "eu account -", "nobody leaves the organization's rules"),
    ("kms:PutKeyPolicy", "eu key -", "nobody else gets the key"),
    ("dynamodb:PutResourcePolicy", "eu ledger -", "nor the ledger"),
    ("dynamodb:DescribeTable", "us ledger -", "another region is none of theirs"),
)
STILL = (
    ("s3:GetObject", f"eu results {SCRATCH}", "an operator looks at results"),
    ("s3:DeleteObject", f"eu results {SCRATCH}", "a deletion can be taken back"),
    ("dynamodb:Scan", "eu ledger -", "and at the ledger"),
    ("batch:DescribeJobQueues", "eu job-queue -", "and at jobs"),
    ("iam:GetRole", "eu role globalbi-eu-intake", "IAM has no region"),
)


@pytest.fixture(scope="module")
def bound(places: dict[str, Place]) -> dict[str, Reach]:
    eu = places["eu"]
    policy = service_control_policy(EU, FLEET)
    policy["Statement"] = [allow("FullAWSAccess", ("*",), "*"), *policy["Statement"]]
    arn = eu.root("iam").create_policy(PolicyName="organization", PolicyDocument=json.dumps(policy))[
        "Policy"
    ]["Arn"]
    for role in (BOUND, GLASS):
        make_administrator(eu, role)
        eu.root("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    return {role: taken(eu, role) for role in (BOUND, GLASS)}


@pytest.mark.parametrize(("does", "on", "because"), FORBIDDEN)
def test_an_administrator_may_not(does: str, on: str, because: str, bound: dict[str, Reach]) -> None:
    """Who has an administrator's session for a minute must not have the samples for good."""
    assert outcome(Row("", does, on, NO, because), lambda _: bound[BOUND]) == NO, because


@pytest.mark.parametrize(
    ("action", "condition"),
    [
        ("s3:PutAccountPublicAccessBlock", None),
        ("ram:CreateResourceShare", None),
        ("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}),
    ],
)
def test_what_the_twin_cannot_try_stands_in_the_text(action: str, condition: object) -> None:
    """The account's block of public access, shares with other accounts, and the root user."""
    for office in FLEET.offices:
        found = [
            statement.get("Condition")
            for statement in service_control_policy(office, FLEET)["Statement"]
            if action in statement.get("Action", ())
            and (statement["Effect"], statement["Resource"]) == ("Deny", "*")
        ]
        assert found == [condition]


@pytest.mark.parametrize(("does", "on", "because"), STILL)
def test_an_administrator_still_may(does: str, on: str, because: str, bound: dict[str, Reach]) -> None:
    """A policy that stops daily work is detached, and then stops nothing."""
    thing = Thing.of(on)
    if thing.kind == "results":
        thing.office.root("s3").put_object(**thing.object, Body=b"again")
    assert outcome(Row("", does, on, YES, because), lambda _: bound[BOUND]) == YES, because


def test_the_break_glass_role_may_what_an_emergency_needs(bound: dict[str, Reach]) -> None:
    """An erasure by law must be possible, by somebody who is seen doing it."""
    thing = Thing.of(f"eu results {SCRATCH}")
    thing.office.root("s3").put_object(**thing.object, Body=b"to be erased")
    CALLS["s3:DeleteObjectVersion"](bound[GLASS], thing)
    row = Row("", "kms:ScheduleKeyDeletion", "eu key -", NO, "not even then")
    assert outcome(row, lambda _: bound[GLASS]) == NO


def test_the_erasure_role_still_erases_and_nobody_takes_it_without_a_reason(
    places: dict[str, Place], bound: dict[str, Reach]
) -> None:
    """An erasure by law needs no emergency; and the audit must say why it was made."""
    eu, role = places["eu"], names.erasure(EU)
    arn = next(
        each["Arn"]
        for each in eu.root("iam").list_policies(Scope="Local")["Policies"]
        if each["PolicyName"] == "organization"
    )
    eu.root("iam").put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    thing = Thing.of(f"eu results {SCRATCH}")
    eu.root("s3").put_object(**thing.object, Body=b"to be erased")
    try:
        CALLS["s3:DeleteObjectVersion"](taken(eu, role), thing)
    finally:
        eu.root("iam").delete_role_permissions_boundary(RoleName=role)
    sts = bound[BOUND]("sts", eu)
    who = {"RoleArn": names.role_arn(EU, role), "RoleSessionName": "erase"}
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(**who)
    assert sts.assume_role(**who, Tags=[{"Key": "reason", "Value": "by law"}])["Credentials"]


@pytest.mark.parametrize("office", OWN.offices, ids=lambda office: office.name)
def test_it_fits_and_is_printed_whole(office: object, capsys: pytest.CaptureFixture[str]) -> None:
    """AWS refuses a longer one; and what is printed is what was tried."""
    name = getattr(office, "name", "")
    assert main([name, "--service-control-policy"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == service_control_policy(OWN.office(name), OWN)
    assert len(json.dumps(printed, separators=(",", ":"))) <= MOST_CHARACTERS


def test_references_still_reach_every_office() -> None:
    """S3 replicates in headquarters' name: a fence around one region alone would stop it."""
    (regions,) = [
        statement["Condition"]["StringNotEquals"]["aws:RequestedRegion"]
        for statement in service_control_policy(FLEET.headquarters, FLEET)["Statement"]
        if statement["Sid"] == "NoOtherRegion"
    ]
    assert regions == sorted(each.region for each in FLEET.offices)
