"""`fleet deliveries`, and the line of a run's page: what partners have, refuse, or leave unanswered."""

import re
from dataclasses import replace

import pytest

from components.partners import Delivery as Agreed
from components.partners import Partner
from fleet.access import Access
from fleet.deliveries import of_office
from handlers import delivery_ledger
from handlers.delivery_plan import DELIVERED, REFUSED, Delivery, planned
from handlers.run import Run
from tests.fleet.lab import Offices, at, moved, run

HOSTILE = "[red]x\x1b[31m\nrow"
PARTNER = Partner.model_validate(
    {"contact": "data@acme.example", "account": "444444444444", "bucket": "acme-inbox"}
)
AGREED = Agreed.model_validate({"partner": "acme", "pipeline": "metagenome", "project": "soil"})


@pytest.fixture
def delivering(offices: Offices) -> Offices:
    """eu has an agreement with acme."""
    access = offices.access
    settings = offices.office("eu").settings.model_copy(
        update={
            "partners": {"acme": PARTNER},
            "deliveries": (AGREED,),
        }
    )
    fleet = replace(
        access.fleet,
        offices=tuple(
            replace(each, settings=settings) if each.name == "eu" else each for each in access.fleet.offices
        ),
    )
    return Offices(access=Access(fleet=fleet, endpoint=access.endpoint))


def kept(offices: Offices, one: Run, state: str, seconds: float = 0, **changes: object) -> Delivery:
    """A delivery of the run in eu's ledger."""
    [agreement] = offices.office("eu").agreements
    context = offices.access.context(offices.office("eu"))
    first = planned(agreement, one.run_id, one.sample, at(seconds))
    assert delivery_ledger.plan(context, first)
    delivery = first.moved(state, at(seconds + 1), **changes)
    assert delivery_ledger.advance(context, delivery)
    return delivery


def test_every_delivery_is_told_the_latest_first(delivering: Offices) -> None:
    """A partner calls: headquarters must see at once what was sent and what was refused, and why."""
    refused = kept(delivering, run(1), REFUSED, reason="AccessDenied", failure="access denied", tries=2)
    sent = kept(delivering, run(2), DELIVERED, seconds=60)
    delivering.at_home("eu", moved(run(3), "succeeded"))  # runs are no deliveries
    told = delivering.fleet("deliveries", "--json").json
    assert [(each["office"], each["delivery_id"]) for each in told] == [
        ("eu", sent.delivery_id),
        ("eu", refused.delivery_id),
    ]
    answer = delivering.fleet("deliveries", "eu", "--state", "refused")
    assert "metagenome/soil/S1" in answer.out
    assert "AccessDenied" in answer.out
    assert sent.delivery_id[:12] not in answer.out
    assert delivering.fleet("deliveries", "us", "--json").json == []


def test_a_runs_page_says_who_has_its_results(delivering: Offices) -> None:
    """Where is sample X? With the partner, since when, or not, and why."""
    one = moved(run(1), "succeeded")
    delivering.everywhere("eu", one)
    assert "deliveries" not in delivering.fleet("sample", one.run_id).out
    delivery = kept(delivering, one, REFUSED, reason="the bucket is gone")
    answer = delivering.fleet("sample", one.run_id)
    assert f"acme: refused (the bucket is gone), {delivery.delivery_id}" in " ".join(answer.out.split())
    [told] = delivering.fleet("sample", one.run_id, "--json").json["deliveries"]
    assert told["delivery_id"] == delivery.delivery_id


def test_a_misspelt_state_is_refused(delivering: Offices) -> None:
    """An empty list would read as "nothing is refused"."""
    answer = delivering.fleet("deliveries", "--state", "refusd")
    assert answer.code == 2
    assert "acknowledged, refused" in answer.err


def test_a_partners_words_cannot_steer_the_terminal(delivering: Offices) -> None:
    """A receipt's reason is a stranger's text."""
    kept(delivering, run(1, sample=HOSTILE), REFUSED, reason=HOSTILE)
    answer = delivering.fleet("deliveries")
    assert answer.code == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", answer.out)
    assert r"\x1b[31m" in answer.out


def test_an_office_with_pseudonyms_shows_no_name(delivering: Offices) -> None:
    """What may not leave the office in events would leave it here."""
    kept(delivering, run(1, project="soil"), REFUSED, reason="no S1/report.html", failure="content")
    office = delivering.office("eu")
    hiding = replace(office, settings=office.settings.model_copy(update={"identifiers": "pseudonymous"}))
    [told] = of_office(delivering.access, hiding)
    assert re.fullmatch(r"metagenome/p[0-9a-f]{20}/p[0-9a-f]{20}", told.sample)
    assert told.reason == "content"
