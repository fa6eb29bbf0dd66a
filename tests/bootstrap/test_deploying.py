"""The deploy role is enough for the whole program, and for nothing that it must not do."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap import names, permissions
from bootstrap.account import Account
from bootstrap.organization import service_control_policy
from components.names import boundary_arn
from components.roster import Fleet
from rehearsal.accounts import prepare
from tests.bootstrap.conftest import ROOT, account_of
from twin import deploy, home, offices
from twin.server import Twin

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

ROOT_USER = {"AWS": "arn:aws:iam::333333333333:root"}
TRUST = {"Effect": "Allow", "Principal": ROOT_USER, "Action": "sts:AssumeRole"}
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.fixture(scope="module")
def account(running: Twin) -> Account:
    found = account_of("us", running)
    prepare(found)
    _in_an_organization(found)
    return found


def _in_an_organization(account: Account) -> None:
    """With its service control policy attached. The twin knows no organizations, so it stands in the deploy
    role's boundary: of two policies that both must allow, the prohibitions add up.
    """
    office = account.office
    prohibitions = service_control_policy(office, Fleet.load(ROOT))["Statement"]
    both = [*permissions.boundary(office)["Statement"], *prohibitions]
    account.client("iam").create_policy_version(
        PolicyArn=f"arn:aws:iam::{office.account}:policy/{names.boundary(office)}",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": both}),
        SetAsDefault=True,
    )


@pytest.fixture(scope="module")
def hands(running: Twin, account: Account) -> boto3.Session:
    """The deploy role's, with which the office was brought up."""
    return taken(account, names.deploy_role(account.office))


def taken(account: Account, role: str) -> boto3.Session:
    keys = account.client("sts").assume_role(
        RoleArn=names.role_arn(account.office, role), RoleSessionName="test"
    )["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1"
    )


@pytest.fixture(scope="module")
def brought_up(running: Twin, hands: boto3.Session) -> int:
    """How much the deploy role made."""
    there = home.Running(endpoint=running.endpoint, pid=0, life="bootstrap")
    as_role = offices.Held(
        name="us", account="333333333333", region="us-east-1", headquarters=False, hands=hands
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(running.log.parent))
        return len(deploy.up("us", ROOT, credentials=as_role, twin=there))


def refused(call: Callable[..., object], **words: Any) -> bool:
    try:
        call(**words)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
            return True
        raise
    return False


def test_an_office_comes_up_in_the_hands_of_the_deploy_role(
    running: Twin, account: Account, hands: boto3.Session, brought_up: int
) -> None:
    """A permission that is missing would be found in the middle of the first rollout."""
    assert brought_up > 100

    # What is in the office is out of its reach, and so is more for itself.
    account.client("s3").put_object(
        Bucket="globalbi-us-uploads-333333333333", Key="m/p/s/input.tar", Body=b"x"
    )
    s3 = hands.client("s3", endpoint_url=running.endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="globalbi-us-uploads-333333333333", Key="m/p/s/input.tar")
    with pytest.raises(ClientError, match="AccessDenied"):
        hands.client("iam", endpoint_url=running.endpoint).create_user(UserName="me")


@pytest.mark.usefixtures("brought_up")
def test_the_deploy_role_makes_no_role_that_nothing_bounds(
    running: Twin, account: Account, hands: boto3.Session
) -> None:
    """With such a role it could do by another's hands whatever it must not."""
    iam, trust = hands.client("iam", endpoint_url=running.endpoint), json.dumps({"Statement": [TRUST]})
    fence = boundary_arn("us", account.office.account)
    more = {"RoleName": "globalbi-us-more", "AssumeRolePolicyDocument": trust}
    assert refused(iam.create_role, **more)
    assert refused(iam.create_role, **more, PermissionsBoundary=ADMINISTRATOR)
    assert not refused(iam.create_role, **more, PermissionsBoundary=fence)
    assert refused(iam.delete_role_permissions_boundary, RoleName="globalbi-us-more")
    policy = {"PolicyName": "more", "PolicyDocument": json.dumps({"Statement": [ALLOW]})}
    assert not refused(iam.put_role_policy, RoleName="globalbi-us-more", **policy)
    # One that somebody else made, without it.
    account.client("iam").create_role(RoleName="globalbi-us-old", AssumeRolePolicyDocument=trust)
    assert refused(iam.put_role_policy, RoleName="globalbi-us-old", **policy)
    assert not refused(
        iam.put_role_permissions_boundary, RoleName="globalbi-us-old", PermissionsBoundary=fence
    )
    assert not refused(iam.put_role_policy, RoleName="globalbi-us-old", **policy)
    for role in ("globalbi-us-more", "globalbi-us-old"):
        account.client("iam").delete_role_policy(RoleName=role, PolicyName="more")
        account.client("iam").delete_role(RoleName=role)


@pytest.mark.usefixtures("brought_up")
def test_a_role_of_the_program_with_every_right_is_still_held(running: Twin, account: Account) -> None:
    """Somebody attached AdministratorAccess to a function's role, in a hurry; then it is taken over."""
    iam, role = account.client("iam"), "globalbi-us-intake"
    state, uploads = names.state_bucket(account.office), "globalbi-us-uploads-333333333333"
    s3 = account.client("s3")
    for bucket in (state, uploads):
        s3.put_object(Bucket=bucket, Key="x", Body=b"x")
    iam.attach_role_policy(RoleName=role, PolicyArn=ADMINISTRATOR)
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps({"Statement": [TRUST]}))
    as_role = taken(account, role)
    its_s3 = as_role.client("s3", endpoint_url=running.endpoint)
    its_iam = as_role.client("iam", endpoint_url=running.endpoint)
    assert not refused(its_s3.get_object, Bucket=uploads, Key="x")  # its work
    assert refused(its_s3.get_object, Bucket=state, Key="x")
    assert refused(its_s3.delete_object, Bucket=uploads, Key="x")
    assert refused(its_iam.create_user, UserName="me")
    assert refused(its_iam.delete_role_permissions_boundary, RoleName=role)
    # It is the boundary that holds it: without, all of it goes.
    iam.delete_role_permissions_boundary(RoleName=role)
    assert not refused(its_s3.get_object, Bucket=state, Key="x")
    assert not refused(its_iam.create_user, UserName="me")
