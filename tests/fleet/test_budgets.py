"""`fleet budget`: what is left, whose runs wait, and the hand that lets them go on."""

from dataclasses import replace

import pytest

from components.office import Budget, Office
from components.roster import Fleet
from fleet.access import Access
from handlers import budget
from handlers.context import Context
from handlers.items import update
from tests.fleet.lab import Offices, run


@pytest.fixture
def paying(offices: Offices) -> Offices:
    """eu lets soil cost 300 dollars a month; one run of it waits."""
    own = offices.access.fleet
    eu = own.office("eu")
    told = Budget.model_validate({"monthlyUsd": 2000, "projects": {"soil": 300}})
    settings = eu.settings.model_copy(update={"budget": told})
    changed = tuple(Office(name="eu", settings=settings) if each is eu else each for each in own.offices)
    fleet = Fleet(offices=changed, pipelines=own.pipelines)
    made = Offices(access=replace(offices.access, fleet=fleet, _sessions={}, _clients={}))
    made.at_home("eu", run(1), run(2, held="2026-11", message="Waits."))
    return made


def context_of(access: Access) -> Context:
    return access.context(access.fleet.office("eu"))


def spend(offices: Offices, usd: int) -> None:
    context = context_of(offices.access)
    key = {"pk": {"S": "budget#soil"}, "sk": {"S": budget.month_of(context)}}
    values = {":usd": {"N": str(usd * budget.MICRO)}}
    assert update(
        context, Key=key, UpdateExpression="ADD spent :usd, committed :usd", ExpressionAttributeValues=values
    )


def test_it_tells_what_is_spent_and_what_waits(paying: Offices) -> None:
    """Whoever is asked for more money must see where it went."""
    spend(paying, 310)
    [told] = paying.fleet("budget", "--json").json
    assert (told["office"], told["project"]) == ("eu", "soil")
    assert (told["limit"], told["spent"], told["held"], told["lifted"]) == (300, 310, 1, None)
    answer = paying.fleet("budget", "eu/soil")
    assert "103%" in answer.out
    assert "fleet budget eu/soil --lift REASON" in answer.out


def test_lifting_asks_first_and_is_kept_with_its_reason(paying: Offices) -> None:
    """Money is spent by it: by whom, and why, must be found afterwards."""
    spend(paying, 310)
    refused = paying.fleet("budget", "eu/soil", "--lift", "the grant was extended")
    assert refused.code == 5
    assert "whatever they cost" in refused.err
    context = context_of(paying.access)
    month = budget.read(context, "soil", budget.month_of(context))
    assert month is not None
    assert not month.has_room(1)
    done = paying.fleet("budget", "eu/soil", "--lift", "the grant was extended", "--yes", "--json")
    assert done.json[0]["lifted"]["why"] == "the grant was extended"
    month = budget.read(context, "soil", budget.month_of(context))
    assert month is not None
    assert month.has_room(10**9)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("eu/water",), 3, "no budget of a project water"),
        (("eu/water", "--lift", "why", "--yes"), 5, "valid: soil"),
        (("eu", "--lift", "why", "--yes"), 5, "say eu/PROJECT"),
        (("us/soil", "--lift", "why", "--yes"), 5, "valid: none"),
        (("eu/soil", "--lift", " ", "--yes"), 5, "must say why"),
    ],
)
def test_what_has_no_budget_is_named(paying: Offices, words: tuple[str, ...], code: int, said: str) -> None:
    """A slip of the pen must not lift another project's budget, nor look as if it had worked."""
    answer = paying.fleet("budget", *words)
    assert answer.code == code
    assert said in answer.err
    context = context_of(paying.access)
    month = budget.read(context, "soil", budget.month_of(context))
    assert month is not None
    assert month.lifted is None
