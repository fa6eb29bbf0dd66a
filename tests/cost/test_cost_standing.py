"""What an office costs a month for being there."""

from pathlib import Path

import pytest

from components.roster import Fleet
from cost.book import Region, book_of
from cost.standing import ALARM, BY_USE, DASHBOARD, ENDPOINT, FREE, FREE_PREFIXES, KEY, PRICED, standing
from policies.declared import UNKNOWN
from policies.program import KNOWN, declared

PRICES = Region(
    instances={},
    standing={
        "vpc:endpoint-hour": 0.01,
        "kms:key-month": 1,
        "cloudwatch:alarm-month": 0.1,
        "cloudwatch:dashboard-month": 3,
    },
)
INTERFACE = {"vpcEndpointType": "Interface", "subnetIds": [UNKNOWN, UNKNOWN, UNKNOWN]}


def test_each_type_that_the_program_may_declare_is_known_to_cost_or_not() -> None:
    """A new type that bills by the hour would else come for nothing in every comment."""
    sorted_out = {*PRICED, *BY_USE, *FREE}
    assert not [kind for kind in KNOWN if kind not in sorted_out and not kind.startswith(FREE_PREFIXES)]
    assert not (set(PRICED) & BY_USE) | (set(PRICED) & FREE) | (BY_USE & FREE)


def test_endpoints_are_billed_by_zone_keys_and_alarms_by_piece() -> None:
    """Calculated by hand: 3 zones × 730 h × 0.01, one key, an alarm, one over two metrics, a dashboard."""
    formula = [{"id": "a", "metric": {}}, {"id": "b", "metric": {}}, {"id": "c", "expression": "a+b"}]
    found = standing(
        [
            (ENDPOINT, INTERFACE),
            (ENDPOINT, {"vpcEndpointType": "Gateway"}),
            (ENDPOINT, {}),
            (KEY, {}),
            (ALARM, {"metricName": "Errors"}),
            (DASHBOARD, {}),
            (ALARM, {"metricQueries": formula}),
            ("aws:s3/bucket:Bucket", {}),
            ("aws:iam/role:Role", {}),
        ],
        PRICES,
    )
    assert found.usd == pytest.approx(21.9 + 1 + 0.3 + 3)
    assert found.counts == {"interface endpoints, by zone": 3, "keys": 1, "alarms": 3, "dashboards": 1}
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("kind", "inputs", "prices", "why"),
    [
        (ENDPOINT, {**INTERFACE, "subnetIds": UNKNOWN}, PRICES, "in how many zones an endpoint stands"),
        (KEY, {}, Region(instances={}), "the price of keys there"),
        ("aws:ec2/natGateway:NatGateway", {}, PRICES, "whether aws:ec2/natGateway:NatGateway is billed"),
    ],
)
def test_what_is_not_known_is_said_and_is_not_nothing(
    kind: str, inputs: dict[str, object], prices: Region, why: str
) -> None:
    """A sum that lacks a gateway's forty dollars and does not say so is worse than none."""
    found = standing([(kind, inputs)], prices)
    assert found.usd == 0
    assert found.unknown[0].startswith(why)


@pytest.mark.parametrize("name", [office.name for office in Fleet.load(Path.cwd()).offices])
def test_every_office_as_declared_is_priced_whole(name: str) -> None:
    """An office that stands for a price nobody knows would show a change of it as none."""
    region = book_of(None).regions[Fleet.load(Path.cwd()).office(name).region]
    resources = [(each.kind, each.inputs) for each in declared(name).resources]
    found = standing(resources, region)
    assert found.unknown == ()
    assert found.usd > 0
    more = standing([*resources, (ENDPOINT, INTERFACE)], region)
    assert more.usd - found.usd == pytest.approx(3 * 730 * region.standing["vpc:endpoint-hour"])
