"""The nightly census through the twin: an office's function, its bus, the forwarding, headquarters' function.

Runs stand in the office's ledger of which no event ever came to headquarters.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.roster import Fleet
from demo.story import wait_for
from demo.tree import planted
from fleet import census as censuses
from fleet.access import Access
from fleet.options import table_of
from handlers import ledger
from handlers.census import COUNT_AFTER_S, NOTE
from handlers.context import iso
from handlers.run import SUCCEEDED, Run
from tests.fleet.lab import run
from tests.three_offices import copy_stack_files
from twin import deploy
from twin.server import Twin

pytestmark = pytest.mark.xdist_group("delivery")


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    root = planted(tmp_path_factory.mktemp("tree"))
    copy_stack_files(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("home") / "twin"))
        with Twin(root=root) as twin:
            for name in ("eu", "hq"):
                deploy.up(name, root=root)
            yield Access(fleet=Fleet.load(root), endpoint=twin.endpoint)


def ended(access: Access, number: int, days: float) -> Run:
    """A run that ended so long ago, in the office's ledger only."""
    then = iso((datetime.now(UTC) - timedelta(days=days)).timestamp())
    one = run(number).moved(SUCCEEDED, then)
    context = access.context(access.fleet.office("eu"))
    assert ledger.claim(context, one, None, None)
    ledger.mark_announced(context, one)
    return one


def pass_of(access: Access) -> Any:
    """The function's, as its schedule invokes it."""
    lambda_ = access.client("lambda", access.fleet.office("eu"))
    answer = lambda_.invoke(FunctionName="globalbi-eu-census", Payload=b"{}")
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    return told


def test_a_night_mends_what_was_lost_and_names_what_is_missing(access: Access) -> None:
    """Events that EventBridge drops are in no queue: only the ledger still knows of the runs."""
    context, eu = access.context(access.fleet.office("eu")), access.fleet.office("eu")
    old, recent = ended(access, 1, days=5), ended(access, 2, days=0.5)
    assert pass_of(access) == {"EventsSentAgain": 1, "RunsTold": 1}
    night = json.loads(ledger.read_note(context, NOTE) or "")
    # Some minutes go by.
    ledger.write_note(context, NOTE, json.dumps({**night, "ended": night["ended"] - COUNT_AFTER_S}))
    assert pass_of(access) == {"CensusesTaken": 1}
    assert pass_of(access) == {}, "once a night"
    found = wait_for("the whole census", lambda: censuses.newest(table_of(access), eu), seconds=60)
    assert (found.runs, found.differing, found.named) == (1, {"missing": 1}, {old.run_id: "missing"})
    [row] = table_of(access).of_office("eu")
    assert (row["run_id"], row["state"]) == (recent.run_id, SUCCEEDED)
