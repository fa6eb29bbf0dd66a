"""The incidents of docs/incidents.md, walked through in the twin with authorisation on."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from fleet.access import Access
from fleet.app import app
from fleet.rerun import MARK
from tests.security.calls import BODY, CALLS, Thing
from tests.security.identities import Place, Reach, make_administrator, taken
from tests.security.table import REPORT, STATUS
from tests.security.test_table import DENIED
from tests.three_offices import known_fleet

pytestmark = pytest.mark.xdist_group("security")

BRANCH, OPERATOR = "globalbi-eu-branch", "globalbi-eu-operator"


@pytest.fixture
def access(places: dict[str, Place]) -> Access:
    return Access(fleet=known_fleet(), endpoint=places["eu"].endpoint)


def fleet(access: Access, *words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--yes", "--json"], obj=access)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def may(reach: Reach, does: str, on: str) -> bool:
    try:
        CALLS[does](reach, Thing.of(on))
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return False
    return True


def test_a_lost_branch_key_is_shut_out_by_one_command_that_lists_what_it_did(
    places: dict[str, Place], access: Access
) -> None:
    """Every minute that a lost key works, somebody reads another customer's results."""
    eu = places["eu"]
    lost = taken(eu, BRANCH)
    stolen = "eu uploads metagenome/soil/Stolen/input.tar"
    assert may(lost, "s3:PutObject", stolen)
    assert may(lost, "s3:GetObject", f"eu results {REPORT}")
    rerun = Thing.of("eu uploads metagenome/soil/Rerun/input.tar")
    eu.root("s3").put_object(**rerun.object, Body=BODY, Metadata={MARK: "r0"})
    try:
        told = fleet(access, "revoke", "eu", "--since", "1h")
        assert not may(lost, "s3:PutObject", stolen)
        assert not may(lost, "s3:GetObject", f"eu results {STATUS}")
        assert not may(taken(eu, BRANCH), "s3:GetObject", f"eu results {STATUS}"), "a new session, too"
        other = taken(places["us"], "globalbi-us-branch")
        assert may(other, "s3:GetObject", f"us results {STATUS}"), "other offices go on"
        listed = [each["key"] for each in told["uploads"]]
        assert listed[0] == Thing.of(stolen).name, "the last one first"
        assert rerun.name not in listed, "headquarters' own reruns are nobody's theft"
        assert fleet(access, "revoke", "eu", "--since", "1h")["uploads"] == told["uploads"], (
            "twice is the same"
        )

        time.sleep(1.1)  # AWS's times of sessions are whole seconds
        fleet(access, "revoke", "eu", "--reopen")
        assert not may(lost, "s3:GetObject", f"eu results {STATUS}"), "sessions from before stay shut out"
        time.sleep(1.1)
        assert may(taken(eu, BRANCH), "s3:GetObject", f"eu results {STATUS}")
    finally:
        eu.root("iam").delete_role_policy(RoleName=BRANCH, PolicyName="revoked")


def test_a_damaged_state_is_put_back_from_its_history(places: dict[str, Place]) -> None:
    """Without its state an office can neither be changed nor be taken for what it is."""
    eu, state = places["eu"], Thing.of("eu state .pulumi/stacks/globalbi/incident.json")
    make_administrator(eu, OPERATOR)
    operator, s3 = taken(eu, OPERATOR), eu.root("s3")
    good = s3.put_object(**state.object, Body=b"good")["VersionId"]
    s3.put_object(**state.object, Body=b"damaged")
    assert not may(operator, "s3:DeleteObjectVersion", "eu state .pulumi/stacks/globalbi/incident.json")
    listed = operator("s3", eu).list_object_versions(**state.bucket, Prefix=state.name)["Versions"]
    assert good in {each["VersionId"] for each in listed}
    operator("s3", eu).copy_object(**state.object, CopySource={**state.object, "VersionId": good})
    assert operator("s3", eu).get_object(**state.object)["Body"].read() == b"good"
