"""What each role may do is what its stories really ask for: no less, and no more."""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from policies.access import listed
from tests.handlers.aws_fakes import World
from tests.security.identities import Place
from tests.security.recording import Use
from tests.security.stories import of_a_job, of_large_files, of_the_campaign, of_the_office
from tests.security.table import TABLE, YES

pytestmark = pytest.mark.xdist_group("security")

FUNCTIONS = ("intake", "progress", "reconcile", "desk", "census", "delivery")
RECORDED: Mapping[str, tuple[str, str]] = {
    **{who: ("eu", f"globalbi-eu-{who}") for who in FUNCTIONS},
    "job": ("eu", "globalbi-eu-metagenome-job"),
    "fleet": ("hq", "globalbi-hq-fleet"),
}
# Roles that people, AWS's agents and AWS's services take: nothing of ours makes their calls.
OTHERS: Mapping[str, tuple[str, str]] = {
    "branch": ("eu", "globalbi-eu-branch"),
    "execution": ("eu", "globalbi-eu-execution"),
    "erasure": ("eu", "globalbi-eu-erasure"),
}
BY_LAMBDA = "Lambda itself does it in the function's name: AWSLambdaBasicExecutionRole has the same."
BY_THE_POLLER = (
    "Lambda's poller takes messages in the function's name: AWSLambdaSQSQueueExecutionRole has the same."
)
BY_SERVICES = "S3, SQS, DynamoDB, SNS and Lambda ask KMS in the caller's name."
# A grant, by its sid, that no call of the stories shows.
UNSEEN_GRANTS: Mapping[str, str] = {
    "WriteOwnLogs": BY_LAMBDA,
    "SendTraces": BY_LAMBDA,
    "ConsumeQueue": BY_THE_POLLER,
    "UseOfficeKey": BY_SERVICES,
    "ReadOwnEnvironment": BY_SERVICES,
    "PublishEncrypted": BY_SERVICES,
    "SendNotices": "The stories' notices go elsewhere; tests/handlers/test_notices.py sends them.",
}
# A call that is refused on purpose.
UNGRANTED_CALLS: Mapping[tuple[str, str], str] = {
    (
        "job",
        "s3:ListBucket",
    ): "A job need not know of other samples: runner takes 403 of a missing result for 404.",
}


def statements(place: Place, role: str) -> Iterator[Mapping[str, Any]]:
    """The statements of a role as it was deployed."""
    iam = place.root("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield from (json.loads(document) if isinstance(document, str) else document)["Statement"]


def grants(statement: Mapping[str, Any], use: Use) -> bool:
    return use.action in listed(statement["Action"]) and any(
        fnmatch.fnmatchcase(use.resource, pattern) for pattern in listed(statement["Resource"])
    )


def missing(uses: set[Use], allowed: list[Mapping[str, Any]]) -> list[str]:
    """Calls that no statement grants."""
    return sorted(
        {
            f"{use.action} on {use.resource}"
            for use in uses
            if (use.who, use.action) not in UNGRANTED_CALLS and not any(grants(each, use) for each in allowed)
        }
    )


def unused(uses: set[Use], allowed: list[Mapping[str, Any]]) -> list[str]:
    """Actions of statements that no call needs."""
    return [
        f"{statement['Sid']}: {action}"
        for statement in allowed
        if statement["Sid"] not in UNSEEN_GRANTS
        for action in listed(statement["Action"])
        if not any(use.action == action and grants(statement, use) for use in uses)
    ]


@pytest.fixture(scope="module")
def recorded(places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Use]]:
    """What everybody asked for, by who."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "222222222222")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
        job = of_a_job(places["eu"].endpoint, tmp_path_factory.mktemp("job"))
    progress = places["eu"].root("lambda").get_function_configuration(FunctionName="globalbi-eu-progress")
    key = progress["Environment"]["Variables"]["PASSPORT_KEY"]  # the stories call it passports
    uses = {
        replace(use, resource=key) if use.resource.endswith(":key/passports") else use
        for use in of_the_campaign() | of_the_office(World()) | of_large_files(World()) | job
    }
    return {who: {use for use in uses if use.who == who} for who in {use.who for use in uses}}


@pytest.mark.parametrize("who", RECORDED)
def test_every_call_is_granted(who: str, recorded: dict[str, set[Use]], places: dict[str, Place]) -> None:
    """A call that the role does not grant fails on AWS, and nowhere before."""
    office, role = RECORDED[who]
    assert recorded[who]
    assert missing(recorded[who], list(statements(places[office], role))) == []


@pytest.mark.parametrize("who", RECORDED)
def test_every_grant_is_used(who: str, recorded: dict[str, set[Use]], places: dict[str, Place]) -> None:
    """What a function may do and never does is for whoever takes it over."""
    office, role = RECORDED[who]
    assert unused(recorded[who], list(statements(places[office], role))) == []


@pytest.mark.parametrize("who", OTHERS)
def test_what_people_and_agents_may_do_stands_in_the_table(who: str, places: dict[str, Place]) -> None:
    """Nobody records what a person does: each of their rights is there with its reason, and was tried."""
    office, role = OTHERS[who]
    tried = {row.does for row in TABLE if (row.who, row.may) == (who, YES)}
    granted = {
        action
        for statement in statements(places[office], role)
        if statement["Sid"] not in UNSEEN_GRANTS
        for action in listed(statement["Action"])
    }
    assert granted == tried


def test_every_exception_is_needed(recorded: dict[str, set[Use]], places: dict[str, Place]) -> None:
    """An exception that outlives its reason hides the next fault."""
    sids = {
        statement["Sid"]
        for office, role in RECORDED.values()
        for statement in statements(places[office], role)
    }
    assert UNSEEN_GRANTS.keys() <= sids
    made = {(use.who, use.action) for uses in recorded.values() for use in uses}
    assert UNGRANTED_CALLS.keys() <= made


def test_a_grant_too_many_and_a_call_too_many_are_found(
    recorded: dict[str, set[Use]], places: dict[str, Place]
) -> None:
    """The comparison itself could be blind."""
    allowed = list(statements(places["eu"], "globalbi-eu-progress"))
    wide = {"Sid": "More", "Action": ["s3:DeleteObject"], "Resource": ["*"]}
    assert unused(recorded["progress"], [*allowed, wide]) == ["More: s3:DeleteObject"]
    without = [each for each in allowed if each["Sid"] != "TellOfRuns"]
    assert missing(recorded["progress"], without) == [
        "events:PutEvents on arn:aws:events:eu-central-1:222222222222:event-bus/default"
    ]
