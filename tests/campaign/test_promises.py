"""Every promise can be found broken: each is broken by hand in a campaign that had kept them all."""

from collections.abc import Callable

import pytest

from campaign.promises import examine
from campaign.rates import CALM
from campaign.story import Campaign, run_campaign

NAME = "eu"


def calm() -> Campaign:
    campaign = run_campaign(samples=2, seed=1, offices=[NAME], rates=CALM)
    assert examine(campaign).kept
    return campaign


def item_of(campaign: Campaign, kind: str) -> dict[str, dict[str, str]]:
    items = campaign.offices[NAME].account.table.items
    found: dict[str, dict[str, str]] = next(item for pk, item in items.items() if pk.startswith(kind))
    return found


def lose_a_sample(campaign: Campaign) -> None:
    items = campaign.offices[NAME].account.table.items
    del items[next(pk for pk in items if pk.startswith("sample#"))]


def publish_again(campaign: Campaign) -> None:
    account = campaign.offices[NAME].account
    key = item_of(campaign, "run#")["results_prefix"]["S"] + "manifest.json"
    account.put(account.office.results, key, account.objects[(account.office.results, key)][-1].body + b" ")


def mix_results(campaign: Campaign) -> None:
    account = campaign.offices[NAME].account
    key = item_of(campaign, "run#")["results_prefix"]["S"] + "report.html"
    account.put(account.office.results, key, b"another attempt's")


def upload_unseen(campaign: Campaign) -> None:
    key, versions = next(iter(campaign.uploads[NAME].items()))
    version = campaign.offices[NAME].upload(key, b"newer", tell=False)
    versions.append(type(versions[0])(version_id=version.version_id, at=0.0, body=b"newer"))


def leave_a_run_open(campaign: Campaign) -> None:
    item_of(campaign, "run#")["state"] = {"S": "running"}


def call_another_office(campaign: Campaign) -> None:
    account = campaign.offices[NAME].account
    with pytest.raises(Exception, match="AccessDenied"):
        account.clients.dynamodb.get_item(
            TableName="globalbi-us-ledger", Key={"pk": {"S": "run#r"}, "sk": {"S": "run"}}
        )


def leave_status_behind(campaign: Campaign) -> None:
    item_of(campaign, "run#")["revision"] = {"N": "99"}


def submit_too_fast(campaign: Campaign) -> None:
    for _ in range(51):
        campaign.offices[NAME].batch.arrived()


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (lose_a_sample, "lost"),
        (publish_again, "published twice"),
        (mix_results, "published twice"),
        (upload_unseen, "lost"),
        (upload_unseen, "older as latest"),
        (leave_a_run_open, "not terminal"),
        (call_another_office, "foreign writes"),
        (leave_status_behind, "status behind"),
        (submit_too_fast, "over the limit"),
    ],
)
def test_a_broken_promise_is_found(spoil: Callable[[Campaign], None], promise: str) -> None:
    """A count of zero is worth what it would have counted."""
    campaign = calm()
    spoil(campaign)
    assert examine(campaign).broken[promise]
