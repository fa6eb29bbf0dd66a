"""The deploy role is enough for the whole program, and for nothing that it must not do."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap import names, permissions
from bootstrap.__main__ import apply
from tests.bootstrap.conftest import ROOT, account_of
from twin import deploy, home, offices
from twin.server import Twin


# The twin's IAM knows neither these conditions nor the resources of instance profiles.
UNKNOWN_TO_THE_TWIN = ("AttachKnownPolicies", "GiveRolesToServices", "RolesOfServices")


def test_an_office_comes_up_in_the_hands_of_the_deploy_role(
    running: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permission that is missing would be found in the middle of the first rollout."""
    monkeypatch.setenv("TWIN_HOME", str(running.log.parent))
    account = account_of("us", running)
    list(apply(account))
    iam, role = account.client("iam"), names.deploy_role(account.office)
    relaxed = permissions.deploy(account.office)
    for statement in relaxed["Statement"]:
        if statement["Sid"] in UNKNOWN_TO_THE_TWIN:
            del statement["Condition"]
        if statement["Sid"] == "RolesOfTheProgram":
            statement["Resource"] = "*"
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=json.dumps(relaxed))
    # The twin takes no tokens of GitHub's.
    trust = permissions.document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::333333333333:root"},
            "Action": "sts:AssumeRole",
        }
    )
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    keys = account.client("sts").assume_role(
        RoleArn=names.role_arn(account.office, role), RoleSessionName="github"
    )["Credentials"]
    hands = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1"
    )
    there = home.Running(endpoint=running.endpoint, pid=0, life="bootstrap")
    as_role = offices.Held(name="us", account="333333333333", region="us-east-1", headquarters=False, hands=hands)

    assert len(deploy.up("us", ROOT, credentials=as_role, twin=there)) > 100

    # What is in the office is out of its reach, and so is more for itself.
    account.client("s3").put_object(
        Bucket="globalbi-us-uploads-333333333333", Key="m/p/s/input.tar", Body=b"x"
    )
    s3 = hands.client("s3", endpoint_url=running.endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="globalbi-us-uploads-333333333333", Key="m/p/s/input.tar")
    with pytest.raises(ClientError, match="AccessDenied"):
        hands.client("iam", endpoint_url=running.endpoint).create_user(UserName="me")
