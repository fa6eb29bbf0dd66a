"""The passport key: who may sign with it, and who hears of it when nobody can."""

from typing import Any

import pytest

from policies.program import Declared, Stack
from tests.components.conftest import OFFICES

SIGNERS = ("progress", "reconcile")
pytestmark = pytest.mark.parametrize("office", OFFICES)


def passport_key(stack: Stack, office: str) -> Declared:
    return stack.named(f"globalbi-{office}-passport-key", "aws:kms/key:Key")


def granted(stack: Stack, action: str) -> dict[str, dict[str, Any]]:
    """The statements that allow it, by the name of the role's policy."""
    return {
        each.name: statement
        for each in stack.of("aws:iam/rolePolicy:RolePolicy")
        for statement in each.json("policy")["Statement"]
        if action in statement["Action"]
    }


def test_a_key_signs_and_can_do_nothing_else(stacks: dict[str, Stack], office: str) -> None:
    """What partners verify with `openssl` must be of a kind that `openssl` knows."""
    inputs = passport_key(stacks[office], office).inputs
    assert (inputs["customerMasterKeySpec"], inputs["keyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")


def test_only_those_who_end_runs_may_sign(stacks: dict[str, Stack], office: str) -> None:
    """A passport that others can sign proves nothing."""
    stack = stacks[office]
    roles = granted(stack, "kms:Sign")
    assert set(roles) == {f"globalbi-{office}-{name}-may" for name in SIGNERS}
    for statement in roles.values():
        assert statement["Resource"] == [stack.outputs["passport_key_arn"]]


def test_the_key_itself_refuses_everybody_else(stacks: dict[str, Stack], office: str) -> None:
    """An administrator's policy, or a grant, would open it again."""
    stack = stacks[office]
    statements = passport_key(stack, office).json("policy")["Statement"]
    [deny] = [each for each in statements if each["Effect"] == "Deny"]
    assert (deny["Principal"], deny["Action"]) == ({"AWS": "*"}, "kms:Sign")
    [roles] = [condition["aws:PrincipalArn"] for condition in deny["Condition"].values()]
    assert list(deny["Condition"]) == ["ArnNotEquals"]
    declared = {each.inputs["name"] for each in stack.of("aws:iam/role:Role")}
    assert {arn.rpartition("/")[2] for arn in roles} == {f"globalbi-{office}-{name}" for name in SIGNERS}
    assert {arn.rpartition("/")[2] for arn in roles} <= declared
    assert all(f":{stack.recorder.account}:" in arn for arn in roles)


def test_the_functions_know_the_key_and_find_what_is_unsigned(stacks: dict[str, Stack], office: str) -> None:
    """Without one of these no passport is ever made, or none is made up for."""
    stack = stacks[office]
    for name in SIGNERS:
        function = stack.named(f"globalbi-{office}-{name}", "aws:lambda/function:Function")
        assert (
            function.inputs["environment"]["variables"]["PASSPORT_KEY"] == stack.outputs["passport_key_arn"]
        )
    queried = [
        resource
        for statement in stack.named(f"globalbi-{office}-reconcile-may").json("policy")["Statement"]
        if "dynamodb:Query" in statement["Action"]
        for resource in statement["Resource"]
    ]
    assert any(resource.endswith("/index/by_due") for resource in queried)
    assert set(granted(stack, "kms:GetPublicKey")) == {f"globalbi-{office}-reconcile-may"}


def test_passports_that_cannot_be_signed_call_a_person(stacks: dict[str, Stack], office: str) -> None:
    """Nothing else would tell: results and deliveries go on without."""
    stack = stacks[office]
    alarm = stack.named(f"globalbi-{office}-reconcile-PassportsMissing").inputs
    assert alarm["dimensions"] == {"office": office}
    assert alarm["alarmActions"] == [stack.outputs["notices_topic_arn"]]
