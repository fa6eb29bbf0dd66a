"""The bootstrap against the twin: what it says, what it makes, and that it does so once."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from bootstrap import identity, names
from bootstrap.__main__ import apply, main, planned
from components.roster import Fleet
from tests.bootstrap.conftest import ROOT, account_of
from twin.server import Twin

ANYTHING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def test_a_dry_run_says_all_and_does_nothing(
    running: Twin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who bootstraps an account with many other things in it reads first."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
    account = account_of("us", running)
    assert main(["us"], account.session) == 0
    told = capsys.readouterr().out
    for part in (
        "KMS key",
        "make the bucket globalbi-us-state-333333333333",
        "github-preview",
        "github-deploy",
    ):
        assert part in told
    assert names.state_bucket(account.office) not in [
        each["Name"] for each in account.client("s3").list_buckets()["Buckets"]
    ]


@pytest.mark.parametrize("office", [office.name for office in Fleet.load(ROOT).offices])
def test_a_second_run_does_nothing(running: Twin, office: str) -> None:
    """An hour later nobody remembers whether it was done: doing it again must be safe."""
    account = account_of(office, running)
    assert list(apply(account))
    assert [action.words for action in planned(account)] == []


def test_the_state_is_versioned_encrypted_private_and_closed_to_plain_http(running: Twin) -> None:
    """The state names every resource of an office, and with the key its secrets."""
    account = account_of("eu", running)
    list(apply(account))
    s3, bucket = account.client("s3"), names.state_bucket(account.office)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-central-1"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    key = account.client("kms").describe_key(KeyId=names.secrets_alias(account.office))["KeyMetadata"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key["Arn"],
    }
    assert account.client("kms").get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert statements[0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_was_changed_by_hand_is_found_and_put_back(running: Twin) -> None:
    """Somebody opened the bucket and gave the deploy role everything, for a test, in a hurry."""
    account = account_of("eu", running)
    list(apply(account))
    s3, iam = account.client("s3"), account.client("iam")
    bucket, role = names.state_bucket(account.office), names.deploy_role(account.office)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=json.dumps(ANYTHING))
    iam.delete_role_permissions_boundary(RoleName=role)
    trust = {**ANYTHING["Statement"][0], "Principal": {"AWS": "*"}}
    del trust["Resource"]
    iam.update_assume_role_policy(
        RoleName=role,
        PolicyDocument=json.dumps({**ANYTHING, "Statement": [{**trust, "Action": "sts:AssumeRole"}]}),
    )
    assert [action.words for action in planned(account)] == [
        f"{bucket}: keep every state of before",
        f"{bucket}: block all public access",
        f"{role}: change who may take it",
        f"{role}: change its permissions boundary",
        f"{role}: detach arn:aws:iam::aws:policy/AdministratorAccess",
        f"{role}: take away more",
    ]
    list(apply(account))
    assert planned(account) == []


def test_who_touches_a_sample_is_recorded_where_nobody_can_take_it_away(running: Twin) -> None:
    """A lost key's reads are known only if they were recorded before anybody knew that it was lost."""
    account = account_of("eu", running)
    list(apply(account))
    s3, cloudtrail = account.client("s3"), account.client("cloudtrail")
    arn, bucket = names.trail_arn(account.office), names.audit_bucket(account.office)
    trail = cloudtrail.get_trail(Name=arn)["Trail"]
    assert (trail["S3BucketName"], trail["LogFileValidationEnabled"]) == (bucket, True)
    assert cloudtrail.get_trail_status(Name=arn)["IsLogging"]
    (selector,) = cloudtrail.get_event_selectors(TrailName=arn)["AdvancedEventSelectors"]
    assert {"Field": "eventCategory", "Equals": ["Data"]} in selector["FieldSelectors"]
    (objects,) = (each["StartsWith"] for each in selector["FieldSelectors"] if "StartsWith" in each)
    assert objects == [
        "arn:aws:s3:::globalbi-eu-uploads-222222222222/",
        "arn:aws:s3:::globalbi-eu-results-222222222222/",
    ]
    locked = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert locked["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 365}

    cloudtrail.stop_logging(Name=arn)
    cloudtrail.put_event_selectors(
        TrailName=arn,
        AdvancedEventSelectors=[
            {"Name": "Nothing", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}
        ],
    )
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=json.dumps(
            {
                **ANYTHING,
                "Statement": [
                    {
                        **ANYTHING["Statement"][0],
                        "Principal": {"AWS": "222222222222"},
                        "Resource": f"arn:aws:s3:::{bucket}/*",
                    }
                ],
            }
        ),
    )
    assert [action.words for action in planned(account)] == [
        f"{bucket}: let the trail write, refuse plain HTTP, other accounts and every deletion",
        f"{names.trail(account.office)}: record who touches an object of uploads and results",
        f"{names.trail(account.office)}: begin",
    ]
    list(apply(account))
    assert planned(account) == []


def test_a_key_that_an_interrupted_run_left_without_a_name_is_taken_up(running: Twin) -> None:
    """Each broken run would else leave a key that costs for ever."""
    account = account_of("eu", running)
    list(apply(account))
    kms, alias = account.client("kms"), names.secrets_alias(account.office)
    before = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
    kms.delete_alias(AliasName=alias)
    assert planned(account)[0].words == f"name the KMS key, {alias}"
    list(apply(account))
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == before


def test_the_boundary_changes_more_often_than_iam_keeps_versions(running: Twin) -> None:
    """The sixth change of the program's needs must not end in LimitExceeded."""
    account = account_of("eu", running)
    list(apply(account))
    iam, arn = account.client("iam"), identity.boundary_arn(account)
    while len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) < 5:
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ANYTHING), SetAsDefault=True)
    (action,) = identity.boundaries(account)
    action.do()
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5  # AWS refuses a sixth
    assert identity.boundaries(account) == []


def test_a_provider_that_another_repository_uses_is_shared(running: Twin) -> None:
    """An account has one provider for GitHub: it gains our audience and keeps the others."""
    account = account_of("hq", running)
    list(apply(account))
    iam, arn = account.client("iam"), names.provider_arn(account.office)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    iam.create_open_id_connect_provider(
        Url=f"https://{names.ISSUER}", ClientIDList=["https://github.com/other"]
    )
    assert [action.words for action in planned(account)] == [
        "trust token.actions.githubusercontent.com for sts.amazonaws.com, too"
    ]
    asked: list[dict[str, Any]] = []

    def add(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """The twin does not know this call."""
        asked.append(params["body"])
        return SimpleNamespace(status_code=200), {}

    events: Any = account.session.events  # its types know no answer of a handler
    events.register("before-call.iam.AddClientIDToOpenIDConnectProvider", add)
    try:
        list(apply(account))
    finally:
        events.unregister("before-call.iam.AddClientIDToOpenIDConnectProvider", add)
    assert [(each["OpenIDConnectProviderArn"], each["ClientID"]) for each in asked] == [(arn, names.AUDIENCE)]


def test_credentials_of_another_account_are_refused(
    running: Twin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The eu office's roles in the us account would be a way from one office into the other."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
    session = boto3.Session("333333333333", "local", region_name="eu-central-1")
    assert main(["eu", "--apply"], session) == 1
    assert "222222222222" in capsys.readouterr().err
