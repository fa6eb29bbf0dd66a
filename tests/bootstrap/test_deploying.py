"""The deploy role is enough for the whole program, and for nothing that it must not do."""

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap import names
from rehearsal.accounts import prepare
from tests.bootstrap.conftest import ROOT, account_of
from twin import deploy, home, offices
from twin.server import Twin


def test_an_office_comes_up_in_the_hands_of_the_deploy_role(
    running: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permission that is missing would be found in the middle of the first rollout."""
    monkeypatch.setenv("TWIN_HOME", str(running.log.parent))
    account = account_of("us", running)
    prepare(account)
    role = names.deploy_role(account.office)
    keys = account.client("sts").assume_role(
        RoleArn=names.role_arn(account.office, role), RoleSessionName="github"
    )["Credentials"]
    hands = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="us-east-1"
    )
    there = home.Running(endpoint=running.endpoint, pid=0, life="bootstrap")
    as_role = offices.Held(
        name="us", account="333333333333", region="us-east-1", headquarters=False, hands=hands
    )

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
