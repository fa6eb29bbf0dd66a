"""Every row of the table, tried for real."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.security.calls import CALLS, Thing
from tests.security.identities import IDENTITIES, Reach
from tests.security.table import NO, TABLE, UNJUDGED, YES, Row, Verdict

pytestmark = pytest.mark.xdist_group("security")

LEAST = 80
DENIED = {
    *(
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "UnauthorizedOperation",
        "AccessDeniedFault",
    ),
    # Of who has no identity at all.
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "UnrecognizedClientException"),
    *("InvalidAccessKeyId", "InvalidClientTokenId"),
}


def outcome(row: Row, reach: Callable[[str], Reach]) -> Verdict:
    """`yes` when the attempt went through, `no` when it was refused. Any other failure is the test's own; of
    what the twin does not judge it only says that the twin did not get so far.
    """
    try:
        CALLS[row.does](reach(row.who), Thing.of(row.on))
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            return NO
        if row.may != UNJUDGED:
            raise
    return YES


@pytest.mark.parametrize("row", [row for row in TABLE if row.may != UNJUDGED], ids=str)
def test_who_may_may_and_nobody_else(row: Row, reach: Callable[[str], Reach], places: Any) -> None:
    """A missing permission stops an office's samples; one too many gives them away."""
    assert places
    assert outcome(row, reach) == row.may, f"{row}: {row.because}"


@pytest.mark.parametrize("row", [row for row in TABLE if row.may == UNJUDGED], ids=str)
def test_what_the_twin_does_not_judge_is_said(row: Row, reach: Callable[[str], Reach], places: Any) -> None:
    """Who reads the table must not take for proved what only AWS refuses."""
    assert places
    assert outcome(row, reach) != NO, f"{row}: the twin judges it now, so it belongs to the others"


def test_the_table_is_long_enough_and_has_everybody() -> None:
    """A table that lost its rows would pass."""
    judged = [row for row in TABLE if row.may != UNJUDGED]
    assert len(judged) >= LEAST
    assert len({str(row) for row in TABLE}) == len(TABLE), "a row stands there twice"
    assert {row.who for row in TABLE} == IDENTITIES.keys()
    assert {row.does for row in TABLE} == CALLS.keys()
    working = {"branch", "intake", "progress", "reconcile", "desk", "census", "delivery"}
    rollout = {"preview", "deploy", "images", "promote", "hq promote"}
    for who in working | rollout | {"fleet", "erasure", "job", "execution"}:
        assert {row.may for row in judged if row.who == who} == {YES, NO}, f"{who} must be let and be refused"
