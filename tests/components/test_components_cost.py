"""What the infrastructure does for costs: what an instance tells of itself, prices, and fewer requests."""

import subprocess
from pathlib import Path

import pytest
from runner.host import Host, host_of

from components.compute import USER_DATA
from components.roster import Fleet
from cost.book import book_of
from handlers.cost import prices_from_json
from handlers.delivery_plan import Delivery
from handlers.ledger import PAGE_ATTRIBUTES
from policies.program import ROOT, Stack

SAYS = {"instance-type": "c6id.xlarge", "instance-life-cycle": "spot", "instance-id": "i-0123456789abcdef0"}


@pytest.mark.parametrize(
    ("answered", "host"),
    [
        ({*SAYS}, Host(type="c6id.xlarge", market="spot", id="i-0123456789abcdef0")),
        ({"instance-type", "instance-life-cycle"}, Host(type="c6id.xlarge", market="spot")),
        ({"instance-id", "instance-type"}, None),
        (set(), None),
    ],
)
def test_an_instance_writes_down_what_it_is_if_it_can(
    tmp_path: Path, answered: set[str], host: Host | None
) -> None:
    """No cost can be told from what is not written; an instance that cannot tell is good all the same."""
    script, scratch = USER_DATA.read_text(), tmp_path / "scratch"
    scratch.mkdir()
    tail = script[script.index("# What the instance is") :].replace("/scratch/", f"{scratch}/")
    facts = " ".join(f"*/{name}) echo {SAYS[name]};;" for name in answered)
    reply = f'case "${{@: -1}}" in */api/token) echo token;; {facts} *) exit 22;; esac'
    (tmp_path / "curl").write_text(f"#!/bin/bash\n{reply if answered else 'exit 22'}\n")
    (tmp_path / "curl").chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f"trap 'exit 9' ERR\n{tail}"],
        env={"PATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0
    assert host_of(scratch) == host


def test_functions_are_told_of_states_that_change_something_alone(examples: dict[str, Stack]) -> None:
    """Each state is a message, an invocation and a read of the ledger; a blocked queue's job is RUNNABLE."""
    detail = examples["eu"].named("globalbi-eu-progress-route", "eventRule").json("eventPattern")["detail"]
    assert detail["status"] == [{"anything-but": ["SUBMITTED", "PENDING", "STARTING"]}]


def test_a_delivery_stands_whole_in_the_index_of_open_things(examples: dict[str, Stack]) -> None:
    """The schedule reads deliveries from the index: one that lacked a field could not be taken up again."""
    table = examples["eu"].named("globalbi-eu-ledger", "table").inputs
    indexes = {each["name"]: each for each in table["globalSecondaryIndexes"]}
    held = {*indexes["by_state"]["nonKeyAttributes"], "open", "updated", "pk", "sk"}
    assert {*Delivery.__dataclass_fields__, *PAGE_ATTRIBUTES, "page"} <= held
    assert not any(name.startswith("lease") for name in held)
    assert len({name for each in indexes.values() for name in each.get("nonKeyAttributes", [])}) <= 100


def test_functions_know_the_prices_of_their_own_region(stacks: dict[str, Stack]) -> None:
    """An estimate in another region's prices is wrong by a fifth."""
    for office in Fleet.load(ROOT).offices:
        function = stacks[office.name].named(f"globalbi-{office.name}-intake", "function")
        found = prices_from_json(function.inputs["environment"]["variables"]["PRICES"])
        region = book_of(None).regions[office.region]
        assert found is not None
        assert list(found.families) == region.families(office.settings.compute.instance_families)
