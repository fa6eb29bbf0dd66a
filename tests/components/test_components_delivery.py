"""An office with deliveries: what it has beyond the others, and what its file may not say."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from components.office import Office
from components.roster import Fleet
from handlers.context import office_of
from policies.declared import Resource
from policies.declared import Stack as Declared
from policies.pack import judge
from policies.program import Stack, deploy
from tests.components import test_components_contracts as contracts
from tests.components.conftest import Edit
from tests.components.test_components_offices import faults, only_fault

KEY = "arn:aws:kms:eu-central-1:444444444444:key/11111111-2222-3333-4444-555555555555"
ACME: dict[str, Any] = {
    "contact": "data@acme.example",
    "account": "444444444444",
    "bucket": "acme-inbox",
    "prefix": "globalbi/",
    "keyArn": KEY,
}
IDLE = {"contact": "ops@idle.example", "account": "555555555555", "bucket": "idle-inbox"}
DELIVERY = {"partner": "acme", "pipeline": "metagenome", "project": "soil"}
# What holds for every resource, whichever component declares it.
CONTRACTS = [
    each
    for name, each in vars(contracts).items()
    if name.startswith("test_") and list(inspect.signature(each).parameters) == ["stacks", "office"]
]


@pytest.fixture(autouse=True)
def _ways_out_of_the_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy of ways out reads the repository's files, where a partner may have such a bucket."""
    monkeypatch.setattr("residency.policy._fleet", lambda: Fleet.load(checkout))


@pytest.fixture
def eu(checkout: Path, edit: Edit) -> Stack:
    edit("eu", {"globalbi:partners": {"acme": ACME, "idle": IDLE}, "globalbi:deliveries": [DELIVERY]})
    return deploy("eu", checkout)


def test_what_deliveries_add_keeps_every_rule(eu: Stack, examples: dict[str, Stack]) -> None:
    """A queue without dead letters, a wildcard or an untagged alarm would come in by this door."""
    assert len(CONTRACTS) > 10
    for contract in CONTRACTS:
        contract({**examples, "eu": eu}, "eu")
    declared = (Resource(kind=each.kind, name=each.name, inputs=each.inputs) for each in eu.recorder.declared)
    # Results that leave the office are refused until its file names the way.
    [found] = judge(Declared(resources=tuple(declared)))
    assert found.policy.id == "GBI-RES-1"
    assert '{to: "bucket acme-inbox", carries: results' in found.message


def test_the_function_reaches_the_partners_that_get_deliveries_and_no_other(eu: Stack) -> None:
    """A fault in the function would write into any bucket that lets it."""
    policy = json.loads(eu.named("globalbi-eu-delivery-may", "rolePolicy").inputs["policy"])
    outside = {
        each["Sid"]: each["Resource"]
        for each in policy["Statement"]
        if "globalbi-eu" not in json.dumps(each["Resource"]) and each["Sid"] != "SendTraces"
    }
    assert outside == {
        "DeliverToPartners": ["arn:aws:s3:::acme-inbox/globalbi/*"],
        "SeeWhatPartnersLack": ["arn:aws:s3:::acme-inbox"],
        "EncryptForPartners": [KEY],
    }
    actions = {action for each in policy["Statement"] for action in each["Action"]}
    assert not actions & {"s3:DeleteObject", "batch:SubmitJob", "dynamodb:UpdateItem", "events:PutEvents"}


def test_whoever_ends_a_run_and_whoever_delivers_know_the_agreements(eu: Stack, checkout: Path) -> None:
    """A run would end without its delivery being planned."""
    agreed = Office.from_file(checkout / "Pulumi.eu.yaml").agreements
    assert [(each.partner, each.names, each.key) for each in agreed] == [("acme", ("report", "tables"), KEY)]
    for function in ("progress", "reconcile", "delivery"):
        inputs = eu.named(f"globalbi-eu-{function}", "lambda/function:").inputs
        assert tuple(office_of(inputs["environment"]["variables"]).agreements) == agreed
    assert eu.outputs["queues"].keys() == {"intake", "progress", "delivery"}


def test_refused_late_and_stuck_deliveries_call_a_person(eu: Stack) -> None:
    """A partner waits for results while nobody knows."""
    alarms = {
        each.inputs["metricName"]: each.inputs
        for each in eu.of("aws:cloudwatch/metricAlarm:MetricAlarm")
        if each.name.startswith("globalbi-eu-delivery-") and each.inputs["namespace"] == "GlobalBI"
    }
    assert alarms.keys() == {
        *("DeliveriesRefused", "ReceiptsRefused", "ReceiptsLate", "DeliveriesStuck", "LinksDue")
    }
    for alarm in alarms.values():
        assert alarm["dimensions"] == {"office": "eu"}
        assert alarm["alarmActions"] == [eu.outputs["notices_topic_arn"]]


def test_a_partner_without_a_bucket_opens_no_account_and_is_named_as_a_way_out(
    checkout: Path, edit: Edit
) -> None:
    """People send links to results: the office must have decided that, though no machine does it."""
    partners = {"clinic": {"contact": "lab@clinic.example", "links": True}}
    edit("eu", {"globalbi:partners": partners, "globalbi:deliveries": [{**DELIVERY, "partner": "clinic"}]})
    eu = deploy("eu", checkout)
    policy = json.loads(eu.named("globalbi-eu-delivery-may", "rolePolicy").inputs["policy"])
    sids = {each["Sid"]: each for each in policy["Statement"]}
    assert sids["KeepForPartners"]["Action"] == ["s3:PutObject"]
    assert sids["KeepForPartners"]["Resource"] == [
        "arn:aws:s3:::globalbi-eu-results-222222222222/deliveries/clinic/*"
    ]
    assert "DeliverToPartners" not in sids
    [agreed] = Office.from_file(checkout / "Pulumi.eu.yaml").agreements
    assert (agreed.links, agreed.account, agreed.bucket) == (
        True,
        "222222222222",
        eu.outputs["results_bucket"],
    )
    declared = (Resource(kind=each.kind, name=each.name, inputs=each.inputs) for each in eu.recorder.declared)
    [found] = judge(Declared(resources=tuple(declared)))
    assert found.policy.id == "GBI-RES-1"
    assert '{to: "partner clinic", carries: results' in found.message


@pytest.mark.parametrize(
    ("partner", "receipt", "fault"),
    [
        ({**ACME, "links": True}, "object", "partners.acme must have links: true alone, or account"),
        ({"contact": "a@b.example"}, "object", "partners.acme must have account and bucket, or links: true"),
        ({"contact": "a@b.example", "links": True}, "heads", "deliveries.0.receipt must be object where"),
    ],
)  # fmt: skip
def test_a_partner_has_a_bucket_or_links(
    checkout: Path, edit: Edit, partner: dict[str, Any], receipt: str, fault: str
) -> None:
    """Its results would go nowhere, or a delivery never be closed."""
    delivery = {**DELIVERY, "receipt": receipt}
    edit("eu", {"globalbi:partners": {"acme": partner}, "globalbi:deliveries": [delivery]})
    assert f"Pulumi.eu.yaml: globalbi:{fault}" in only_fault(checkout)


def test_an_office_without_deliveries_has_nothing_of_them(examples: dict[str, Stack]) -> None:
    """Every office would pay for, and be alarmed by, what it does not use."""
    for stack in examples.values():
        assert not [each.name for each in stack.recorder.declared if "delivery" in each.name]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"account": 444}, 'account must be text, not a number: put it in quotes, "444"'),
        (
            {"account": "222222222222", "keyArn": None},
            "account must be the partner's own, not the office's '222222222222'",
        ),
        (
            {"bucket": "s3://acme"},
            "bucket must be a bucket's name (3 to 63 lower-case letters, digits, dots, hyphens), "
            "not 's3://acme'",
        ),
        (
            {"prefix": "globalbi"},
            "prefix must be empty, or end in a slash and hold letters, digits and !_.'()/- only, "
            "not 'globalbi'",
        ),
        (
            {"prefix": "*/"},
            "prefix must be empty, or end in a slash and hold letters, digits and !_.'()/- only, not '*/'",
        ),
        ({"prefix": "../"}, "prefix must be a folder, without empty parts or .., not '../'"),
        (
            {"keyArn": "alias/acme"},
            "keyArn must be a KMS key's ARN, arn:aws:kms:<region>:<account>:key/<id> (no alias), "
            "not 'alias/acme'",
        ),
        (
            {"keyArn": KEY.replace("eu-central-1", "us-east-1")},
            "keyArn must be a key of account 444444444444 in eu-central-1, "
            f"not {KEY.replace('eu-central-1', 'us-east-1')!r}",
        ),
        (
            {"key": KEY},
            "key is unknown; did you mean keyArn? (valid: account, bucket, contact, keyArn, links, prefix)",
        ),
    ],
)
def test_a_partner_is_told_apart_from_a_mistake(
    checkout: Path, edit: Edit, change: dict[str, Any], fault: str
) -> None:
    """Results would go to a wrong place, or fail to go in the middle of a night."""
    edit("eu", {"globalbi:partners": {"acme": {**ACME, **change}}})
    assert only_fault(checkout) == f"Pulumi.eu.yaml: globalbi:partners.acme.{fault}"


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (
            ["tabels"],
            ".0 must be report, tables, reads, or a path or glob such as abundance/*.tsv "
            "(did you mean tables?), not 'tabels'",
        ),
        (
            ["report", "/etc/*"],
            ".1 must be a path or glob below the run's results, such as abundance/*.tsv, not '/etc/*'",
        ),
        ([], " must have at least 1 entries, not []"),
        ("report", ' must be a list: ["report"]'),
    ],
)
def test_a_delivery_names_results_that_can_be(checkout: Path, edit: Edit, names: Any, fault: str) -> None:
    """A delivery of nothing would be refused for ever, sample by sample."""
    edit(
        "eu",
        {"globalbi:partners": {"acme": ACME}, "globalbi:deliveries": [{**DELIVERY, "names": names}]},
    )
    assert only_fault(checkout) == f"Pulumi.eu.yaml: globalbi:deliveries.0.names{fault}"


@pytest.mark.parametrize("project", ["*", "metagenome/soil", " "])
def test_a_delivery_is_of_one_project(checkout: Path, edit: Edit, project: str) -> None:
    """A partner would wait for all projects, and get none: no upload is of a project with such a name."""
    delivery = {**DELIVERY, "project": project}
    edit("eu", {"globalbi:partners": {"acme": ACME}, "globalbi:deliveries": [delivery]})
    assert only_fault(checkout) == (
        "Pulumi.eu.yaml: globalbi:deliveries.0.project must be one project's name as it is in uploads, "
        f'without "/" ("*" is not every project: name each in a delivery of its own), not {project!r}'
    )


def test_one_project_goes_to_one_partner_in_one_delivery(checkout: Path, edit: Edit) -> None:
    """Two would replace each other: the partner would be told that the first no longer counts."""
    twice = [DELIVERY, {**DELIVERY, "names": ["*.json"]}]
    edit("eu", {"globalbi:partners": {"acme": ACME}, "globalbi:deliveries": twice})
    assert faults(checkout) == (
        "Pulumi.eu.yaml: globalbi:deliveries.1 is there already: name all of 'soil' for acme in one delivery",
    )
    edit("eu", {"globalbi:deliveries": [DELIVERY]})
    assert Fleet.load(checkout)
